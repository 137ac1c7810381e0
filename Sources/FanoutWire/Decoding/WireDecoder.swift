// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
package import FanoutModel

/// Turns the bodies of frames into values.
///
/// Owns the memory that one frame's C structures live in; meant to be shared by the connections of a thread.
package struct WireDecoder: ~Copyable {
    private let arena = Arena()
    private let ofClients: Reader
    private let ofDaemon: Reader

    /// No frame is given more memory than this.
    package static let budgetCeiling = 64 << 20

    /// Makes a decoder that enforces `caps` on clients.
    package init(caps: WireCaps = WireCaps()) {
        self.ofClients = Reader(caps: caps, isLenient: false)
        self.ofDaemon = Reader(caps: caps, isLenient: true)
    }

    /// Bytes of memory that are held between frames.
    package var heldBytes: Int { self.arena.mappedBytes }

    /// The memory that decoding a frame of so many bytes may use.
    package static func budget(frameBytes: Int) -> Int {
        let (product, overflow) = frameBytes.multipliedReportingOverflow(by: 16)
        return overflow ? Self.budgetCeiling : min(Self.budgetCeiling, product + (1 << 20))
    }

    /// Decodes what a client sent.
    ///
    /// What is wrong with one item or one body is part of the frame: see ``WireItem/refused(id:_:)`` and
    /// ``ClientFrame/Body/refused(_:)``.
    /// - Throws: BAD_FRAME if the bytes are no ClientFrame, FRAME_TOO_LARGE if they need too much memory.
    package mutating func decodeClient(_ frame: UnsafeRawBufferPointer) throws(WireError) -> ClientFrame {
        defer { self.arena.trim() }
        let message: UnsafeMutablePointer<Proto.ClientFrame> = try self.unpack(
            frame,
            fanout__v1__client_frame__unpack,
            budget: Self.budget(frameBytes: frame.count)
        )
        let reader = self.ofClients
        do {
            var decoded = ClientFrame(id: message.pointee.id, body: try reader.body(try reader.known(message)))
            if case .refused = decoded.body {
                let kind = message.pointee.body_case
                decoded.isRefusedUpload =
                    kind == FANOUT__V1__CLIENT_FRAME__BODY_SUBMIT || kind == FANOUT__V1__CLIENT_FRAME__BODY_APPEND
            }
            return decoded
        } catch {
            throw error.wireError
        }
    }

    /// Decodes what the daemon sent.
    /// - Throws: BAD_FRAME if the bytes are no ServerFrame, FRAME_TOO_LARGE if they need too much memory.
    package mutating func decodeServer(_ frame: UnsafeRawBufferPointer) throws(WireError) -> ServerFrame {
        defer { self.arena.trim() }
        let message: UnsafeMutablePointer<Proto.ServerFrame> = try self.unpack(
            frame,
            fanout__v1__server_frame__unpack,
            budget: Self.budget(frameBytes: frame.count)
        )
        let reader = self.ofDaemon
        do {
            return ServerFrame(id: message.pointee.id, body: try reader.body(try reader.known(message)))
        } catch {
            throw error.wireError
        }
    }

    /// Decodes a response that came in parts, from all its parts together.
    /// - Throws: BAD_FRAME if the bytes are no Response, FRAME_TOO_LARGE if they need too much memory.
    package mutating func decodeResponse(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Response {
        defer { self.arena.trim() }
        let message: UnsafeMutablePointer<Proto.Response> = try self.unpack(
            bytes,
            fanout__v1__response__unpack,
            // Not one frame but as many as its size says, all sent by the daemon.
            budget: max(
                Self.budget(frameBytes: bytes.count),
                bytes.count.multipliedReportingOverflow(by: 4).partialValue
            )
        )
        let reader = self.ofDaemon
        do {
            return try reader.response(try reader.known(message))
        } catch {
            throw error.wireError
        }
    }

    private typealias Unpack<Message> = (
        UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?
    ) -> UnsafeMutablePointer<Message>?

    private mutating func unpack<Message>(
        _ bytes: UnsafeRawBufferPointer,
        _ unpack: Unpack<Message>,
        budget: Int
    ) throws(WireError) -> UnsafeMutablePointer<Message> {
        self.arena.reset(budget: budget)
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        if let message = unpack(self.arena.allocator, bytes.count, start) { return message }
        if self.arena.isExhausted {
            throw WireError(
                .frameTooLarge,
                "a frame of \(bytes.count) bytes needs more than \(budget) bytes of memory: send fewer fields",
                limit: UInt64(budget)
            )
        }
        throw WireError(.badFrame, "a frame is no message of fanout.v1: check the client's encoder")
    }
}

extension Reader {
    fileprivate func body(_ frame: UnsafeMutablePointer<Proto.ClientFrame>) throws(Fault) -> ClientFrame.Body {
        do throws(Fault) {
            guard let body = try self.knownBody(frame) else {
                if self.hasUnknown(frame) { return .unknown }
                throw Fault(.badFrame, "", "a frame has no body")
            }
            return body
        } catch {
            // Nothing can be answered for the id before Hello.
            let isHello = frame.pointee.body_case == FANOUT__V1__CLIENT_FRAME__BODY_HELLO
            if error.code == .badFrame || isHello { throw error }
            return .refused(error.failure)
        }
    }

    private func knownBody(
        _ frame: UnsafeMutablePointer<Proto.ClientFrame>
    ) throws(Fault) -> ClientFrame.Body? {
        switch frame.pointee.body_case {
        case FANOUT__V1__CLIENT_FRAME__BODY_HELLO: try self.one(frame.pointee.hello, "hello", self.hello)
        case FANOUT__V1__CLIENT_FRAME__BODY_SUBMIT: try self.top(frame.pointee.submit, self.submit)
        case FANOUT__V1__CLIENT_FRAME__BODY_APPEND: try self.top(frame.pointee.append, self.append)
        case FANOUT__V1__CLIENT_FRAME__BODY_BLOB: try self.top(frame.pointee.blob, self.blob)
        case FANOUT__V1__CLIENT_FRAME__BODY_CANCEL: try self.top(frame.pointee.cancel, self.cancel)
        case FANOUT__V1__CLIENT_FRAME__BODY_CREDIT: try self.top(frame.pointee.credit, self.credit)
        case FANOUT__V1__CLIENT_FRAME__BODY_STATUS_QUERY: try self.top(frame.pointee.status_query, self.statusQuery)
        case FANOUT__V1__CLIENT_FRAME__BODY_EXPLAIN_QUERY: try self.top(frame.pointee.explain_query, self.explainQuery)
        case FANOUT__V1__CLIENT_FRAME__BODY_PING: try self.top(frame.pointee.ping, self.ping)
        case FANOUT__V1__CLIENT_FRAME__BODY_METRICS_QUERY:
            try self.top(frame.pointee.metrics_query, self.metricsQuery)
        default: nil
        }
    }

    /// A body whose name is left out of the paths of its faults.
    private func top<T, Value>(
        _ message: UnsafeMutablePointer<T>?,
        _ read: (UnsafeMutablePointer<T>) throws(Fault) -> Value
    ) throws(Fault) -> Value? {
        guard let message else { return nil }
        return try read(try self.known(message))
    }

    fileprivate func body(_ frame: UnsafeMutablePointer<Proto.ServerFrame>) throws(Fault) -> ServerFrame.Body {
        let body: ServerFrame.Body? =
            switch frame.pointee.body_case {
            case FANOUT__V1__SERVER_FRAME__BODY_WELCOME: try self.top(frame.pointee.welcome, self.welcome)
            case FANOUT__V1__SERVER_FRAME__BODY_ACCEPTED: try self.top(frame.pointee.accepted, self.accepted)
            case FANOUT__V1__SERVER_FRAME__BODY_REJECTED: try self.top(frame.pointee.rejected, self.rejected)
            case FANOUT__V1__SERVER_FRAME__BODY_WINDOW: try self.top(frame.pointee.window, self.window)
            case FANOUT__V1__SERVER_FRAME__BODY_DELTA: try self.top(frame.pointee.delta, self.delta)
            case FANOUT__V1__SERVER_FRAME__BODY_RESULT_PART: try self.top(frame.pointee.result_part, self.resultPart)
            case FANOUT__V1__SERVER_FRAME__BODY_RESULT: try self.top(frame.pointee.result, self.result)
            case FANOUT__V1__SERVER_FRAME__BODY_PROGRESS: try self.top(frame.pointee.progress, self.progress)
            case FANOUT__V1__SERVER_FRAME__BODY_SUMMARY: try self.top(frame.pointee.summary, self.summary)
            case FANOUT__V1__SERVER_FRAME__BODY_STATUS: try self.top(frame.pointee.status, self.status)
            case FANOUT__V1__SERVER_FRAME__BODY_EXPLANATION:
                try self.top(frame.pointee.explanation, self.explanation)
            case FANOUT__V1__SERVER_FRAME__BODY_PONG: try self.top(frame.pointee.pong, self.pong)
            case FANOUT__V1__SERVER_FRAME__BODY_GO_AWAY: try self.top(frame.pointee.go_away, self.goAway)
            case FANOUT__V1__SERVER_FRAME__BODY_ERROR: try self.top(frame.pointee.error, self.error)
            case FANOUT__V1__SERVER_FRAME__BODY_METRICS: try self.top(frame.pointee.metrics, self.metrics)
            default: nil
            }
        if let body { return body }
        if self.hasUnknown(frame) { return .unknown }
        throw Fault(.badFrame, "", "a frame has no body")
    }
}
