// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutEngine
internal import FanoutModel
internal import FanoutWire
internal import Logging
internal import NIOCore

/// How a session ends: by a fault, by the client, by the daemon.
extension Session {
    /// Breaks off with an Error.
    func fail(_ fault: SessionProtocol.Fault) {
        if case .fatal(let fault) = self.conversation.fail(fault) { self.close(with: fault) }
    }

    func close(with fault: SessionProtocol.Fault) {
        self.core.refused(fault.code)
        self.core.logger.info(
            "connection refused",
            metadata: [
                "session": "\(self.id)", "uid": "\(self.peer.uid)", "code": "\(fault.code.name)",
                "error": "\(fault.message)",
            ]
        )
        let body = ServerFrame.Body.error(code: fault.code, message: fault.message, limit: fault.limit)
        self.cancelBatches()
        self.send(ServerFrame(id: 0, body: body))
        self.output.flush(of: self, thenClose: true)
    }

    func answerHTTP() {
        _ = self.conversation.fail(SessionProtocol.Fault(.badFrame, "HTTP"))
        self.cancelBatches()
        let words = "This is Fanout's socket, which speaks protobuf frames, not HTTP: see docs/wire.md.\n"
        let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
        self.output.append("\(head)Content-Length: \(words.utf8.count)\r\n\r\n\(words)", of: self)
        self.output.flush(of: self, thenClose: true)
    }

    /// The client will send no more.
    ///
    /// Results still flow.
    func inputClosed() {
        self.inputIsClosed = true
        if self.decoder.isMidFrame {
            self.fail(SessionProtocol.Fault(.badFrame, "the connection's input ended inside a frame"))
            return
        }
        let now = self.now
        for batch in Array(self.batches.values) {
            if let run = batch.run, !run.isClosed { batch.complete(now: now) }
        }
        self.closeIfDone()
    }

    /// The connection is gone: what it asked for is cancelled.
    func connectionClosed() {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.cancelBatches()
        self.output.discard(of: self)
        self.forgetUnfinishedFrame()
        let before = self.blobs.held
        self.blobs = BlobStore(capacity: 0, chunkBytesMax: 0)
        self.settleBlobs(before: before)
    }

    private func cancelBatches() {
        let now = self.now
        let batches = self.batches
        self.batches = [:]
        for batch in batches.values.sorted(by: { $0.id < $1.id }) {
            batch.abandon()
            if let run = batch.run { self.engine.cancel(run, indexes: nil, reason: .disconnect, now: now) }
            batch.letGo()
        }
    }

    /// Says that no more batches are taken.
    ///
    /// Whoever has just connected is told after its Hello, so that it knows to come again; that Hello has a bound.
    func goAway(deadlineMilliseconds: UInt64) {
        guard self.conversation.state == .ready, !self.conversation.isDraining else { return }
        self.conversation.drain()
        let body = ServerFrame.Body.goAway(
            lastAcceptedID: self.conversation.lastAcceptedID,
            deadlineMilliseconds: deadlineMilliseconds,
            message: "the daemon is shutting down"
        )
        self.send(ServerFrame(id: 0, body: body))
        self.closeIfDone()
    }

    /// Nothing more will come or go.
    func closeIfDone() {
        guard self.inputIsClosed || self.conversation.isDraining, self.batches.isEmpty else { return }
        guard self.conversation.state != .closing else { return }
        _ = self.conversation.fail(SessionProtocol.Fault(.wrongState, "closed"))
        self.output.flush(of: self, thenClose: true)
    }

    /// Refuses what a frame asks for.
    ///
    /// The bytes of a refused Submit or Append are the client's again at once.
    func reject(_ frame: ClientFrame, _ rejection: ServerFrame.Rejection, byteCount: Int) {
        self.core.refused(rejection.code)
        self.send(ServerFrame(id: frame.id, body: .rejected(rejection)))
        switch frame.body {
        case .submit, .append: break
        default: guard frame.isRefusedUpload else { return }
        }
        self.send(ServerFrame(id: 0, body: .window(bytes: UInt64(byteCount))))
    }
}
