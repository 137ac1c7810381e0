// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// A client's frames that hold no requests.
extension Reader {
    func hello(_ hello: UnsafeMutablePointer<Proto.Hello>) throws(Fault) -> ClientFrame.Body {
        .hello(
            ClientFrame.Hello(
                major: hello.pointee.major,
                minor: hello.pointee.minor,
                client: try self.name(hello.pointee.client, "client"),
                features: try self.strings(
                    hello.pointee.n_features,
                    hello.pointee.features,
                    max: self.caps.features,
                    "features",
                    self.name
                ),
                grant: try self.identifier(hello.pointee.grant, "grant")
            )
        )
    }

    func blob(_ blob: UnsafeMutablePointer<Proto.Blob>) throws(Fault) -> ClientFrame.Body {
        let count = blob.pointee.data.len
        if count > self.caps.blobChunkBytes {
            throw Fault(.tooLarge, "data", "has \(count) bytes; at most \(self.caps.blobChunkBytes) are allowed")
        }
        let (end, overflow) = blob.pointee.offset.addingReportingOverflow(UInt64(count))
        if overflow || end > blob.pointee.total {
            throw Fault(.invalidRequest, "data", "ends after the blob's total of \(blob.pointee.total) bytes")
        }
        if blob.pointee.sha256.len != 0, blob.pointee.sha256.len != 32 {
            throw Fault(.invalidRequest, "sha256", "has \(blob.pointee.sha256.len) bytes; it needs 32 or none")
        }
        return .blob(
            ClientFrame.Blob(
                offset: blob.pointee.offset,
                total: blob.pointee.total,
                data: self.bytes(blob.pointee.data),
                sha256: self.bytes(blob.pointee.sha256),
                uses: blob.pointee.uses
            )
        )
    }

    func cancel(_ cancel: UnsafeMutablePointer<Proto.Cancel>) throws(Fault) -> ClientFrame.Body {
        let count = cancel.pointee.n_indexes
        if count > self.caps.cancelIndexes {
            throw Fault(.tooLarge, "indexes", "has \(count) entries; at most \(self.caps.cancelIndexes) are allowed")
        }
        return .cancel(indexes: [UInt32](UnsafeBufferPointer(start: cancel.pointee.indexes, count: count)))
    }

    func credit(_ credit: UnsafeMutablePointer<Proto.Credit>) throws(Fault) -> ClientFrame.Body {
        .credit(results: credit.pointee.results)
    }

    func statusQuery(_ query: UnsafeMutablePointer<Proto.StatusQuery>) throws(Fault) -> ClientFrame.Body {
        .statusQuery(lanes: query.pointee.lanes != 0, peers: query.pointee.peers != 0)
    }

    func explainQuery(_ query: UnsafeMutablePointer<Proto.ExplainQuery>) throws(Fault) -> ClientFrame.Body {
        .explainQuery(batch: query.pointee.batch, index: query.pointee.index, session: query.pointee.session)
    }

    func metricsQuery(_ query: UnsafeMutablePointer<Proto.MetricsQuery>) throws(Fault) -> ClientFrame.Body {
        .metricsQuery
    }

    func ping(_ ping: UnsafeMutablePointer<Proto.Ping>) throws(Fault) -> ClientFrame.Body {
        let count = ping.pointee.data.len
        if count > self.caps.pingBytes {
            throw Fault(.tooLarge, "data", "has \(count) bytes; at most \(self.caps.pingBytes) are allowed")
        }
        return .ping(self.bytes(ping.pointee.data))
    }
}
