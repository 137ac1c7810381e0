// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire
// For CircularBuffer's own append and popFirst: where its module isn't imported, the standard library's general ones
// are taken in silence, which move the whole buffer each time.
internal import NIOCore

extension ClientSession {
    /// What a reader of a batch finds.
    enum Events {
        case some([BatchEvent])
        /// The summary was taken.
        case over
        case failed(FanoutError)
        /// Nothing yet.
        case none
    }

    /// Takes up to `count` events of a batch, and gives credit for the results among them.
    mutating func takeEvents(_ id: UInt64, max count: Int) -> Events {
        guard let batch = self.batches[id] else { return .over }
        guard !batch.unread.isEmpty else {
            guard let end = batch.end else { return .none }
            self.batches[id] = nil
            switch end {
            case .summary: return .over
            case .failed(let error): return .failed(error)
            }
        }
        var events: [BatchEvent] = []
        events.reserveCapacity(min(count, batch.unread.count))
        var bytes = 0
        var results: UInt32 = 0
        while events.count < count, let unread = batch.unread.popFirst() {
            events.append(unread.event)
            bytes += unread.bytes
            if case .result = unread.event { results += 1 }
        }
        self.bufferedBytes -= bytes
        self.giveCredit(id, results)
        return .some(events)
    }

    /// Nobody reads the batch any more: it is cancelled, and what still comes of it is dropped.
    mutating func abandon(_ id: UInt64) {
        guard let batch = self.batches[id], !batch.isAbandoned else { return }
        var results: UInt32 = 0
        for unread in batch.unread {
            self.bufferedBytes -= unread.bytes
            if case .result = unread.event { results += 1 }
        }
        batch.unread.removeAll()
        guard batch.end == nil else {
            self.batches[id] = nil
            return
        }
        batch.isAbandoned = true
        self.cancel(id)
        // The cancelled items' results need credit, too, or the batch would never end at the daemon.
        self.giveCredit(id, results)
    }

    /// Ends a batch without a summary.
    mutating func end(_ id: UInt64, with error: FanoutError) {
        guard let batch = self.batches[id], batch.end == nil else { return }
        self.finish(id, .failed(error))
    }

    private mutating func giveCredit(_ id: UInt64, _ results: UInt32) {
        guard results > 0, let batch = self.batches[id], batch.end == nil else { return }
        let taken = batch.taken + results
        guard taken >= max(batch.options.initialCredit / 2, 1) else {
            batch.taken = taken
            return
        }
        batch.taken = 0
        self.send(ClientFrame(id: id, body: .credit(results: taken)))
    }

    private mutating func finish(_ id: UInt64, _ end: SessionBatch.End) {
        guard let batch = self.batches[id] else { return }
        if batch.hasToSend { self.senders.removeAll { $0 == id } }
        guard !batch.isAbandoned else {
            self.batches[id] = nil
            return
        }
        batch.end = end
        batch.waiting.removeAll()
        batch.parts = [:]
        self.wake(.events(id))
        self.wake(.upload(id))
    }

    private mutating func push(_ id: UInt64, _ event: BatchEvent, bytes: Int) {
        guard let batch = self.batches[id], batch.end == nil, !batch.isAbandoned else { return }
        batch.unread.append(SessionBatch.Unread(event: event, bytes: bytes))
        self.bufferedBytes += bytes
        self.wake(.events(id))
    }

    // MARK: Frames

    /// Takes a frame, and the bytes that it came in.
    mutating func receive(_ frame: ServerFrame, bytes: Int) {
        if case .closed = self.state { return }
        let id = frame.id
        switch frame.body {
        case .welcome(let welcome): self.welcomed(welcome)
        case .error(let code, let message, let limit):
            var error = FanoutError(code, message)
            error.limit = limit
            self.close(error)
        case .accepted: self.batches[id]?.isAccepted = true
        case .rejected(let rejection): self.rejected(id, rejection)
        case .window(let given):
            let bytes = Int(clamping: given)
            self.outstanding -= min(self.outstanding, bytes)
            // Of a batch that is over, or 0: its share is nobody's.
            if let batch = self.batches[id] { batch.heldBytes -= min(batch.heldBytes, bytes) }
            self.pump()
        case .delta(let index, let sequence, let delta):
            self.push(id, .delta(index: index, sequence: sequence, delta), bytes: bytes)
        case .resultPart(let index, let data): self.part(id, index: index, data)
        case .result(let result): self.result(id, result, bytes: bytes)
        case .resultOfParts(let index, let name, let count, let trail):
            self.resultOfParts(id, index: index, name: name, bytes: count, trail: trail)
        case .progress(let progress): self.progress(id, progress, bytes: bytes)
        case .summary(let summary):
            self.push(id, .summary(summary), bytes: bytes)
            self.finish(id, .summary)
        case .status(let status): self.answer(id, .status(status))
        case .explanation(let explanation): self.answer(id, .explanation(explanation))
        case .metrics(let text, let isLast): self.metrics(id, text, isLast: isLast)
        case .pong: self.answer(id, .pong)
        case .goAway(let last, _, let message): self.goAway(lastAcceptedID: last, message: message)
        // A newer daemon may say more than we know.
        case .unknown: break
        }
    }

    private mutating func metrics(_ id: UInt64, _ text: String, isLast: Bool) {
        guard self.isQuery(id) else { return }
        let held = self.pieces.removeValue(forKey: id) ?? ""
        guard text.utf8.count <= Self.metricsBytesMax - held.utf8.count else {
            return self.close(FanoutError(.tooLarge, "the daemon's metrics are over \(Self.metricsBytesMax) bytes"))
        }
        if isLast { self.answer(id, .metrics(held + text)) } else { self.pieces[id] = held + text }
    }

    private mutating func rejected(_ id: UInt64, _ rejection: ServerFrame.Rejection) {
        let wait = rejection.retryAfterMilliseconds
        let error = FanoutError(
            rejection.code,
            rejection.message,
            retryAfter: wait == 0 ? nil : .milliseconds(wait),
            notStarted: rejection.notStarted
        )
        if self.isQuery(id) { return self.answer(id, .failed(error)) }
        guard let batch = self.batches[id] else { return }
        guard batch.isAccepted else { return self.end(id, with: error) }
        // An Append that crossed our own Cancel is refused; nobody misses it.
        guard !batch.isCancelled else { return }
        self.push(id, .refused(error), bytes: 64)
    }

    private mutating func progress(_ id: UInt64, _ progress: BatchProgress, bytes: Int) {
        guard let batch = self.batches[id], let last = batch.unread.last, case .progress = last.event else {
            return self.push(id, .progress(progress), bytes: bytes)
        }
        // Only the newest counts, and a slow reader would gather them.
        batch.unread.removeLast()
        self.bufferedBytes -= last.bytes
        self.push(id, .progress(progress), bytes: bytes)
    }

    private mutating func part(_ id: UInt64, index: UInt32, _ data: [UInt8]) {
        guard let batch = self.batches[id], batch.end == nil else { return }
        let held = batch.parts[index]?.count ?? 0
        guard data.count <= Self.responseBytesMax - held else {
            let words = "the response of item \(index) is over \(Self.responseBytesMax) bytes"
            return self.close(FanoutError(.tooLarge, words))
        }
        batch.parts[index, default: []].append(contentsOf: data)
    }

    private mutating func resultOfParts(_ id: UInt64, index: UInt32, name: String, bytes: UInt64, trail: Trail?) {
        guard let batch = self.batches[id], batch.end == nil else { return }
        let data = batch.parts.removeValue(forKey: index) ?? []
        guard UInt64(data.count) == bytes else {
            let words = "the response of item \(index) came in \(data.count) of \(bytes) bytes"
            return self.close(FanoutError(.badFrame, words))
        }
        let decoded = data.withUnsafeBytes { buffer in
            do throws(WireError) {
                return Result<Response, WireError>.success(try self.decoder.decodeResponse(buffer))
            } catch {
                return .failure(error)
            }
        }
        switch decoded {
        case .success(let response):
            let result = ItemResult(index: index, id: name, outcome: .success(response), trail: trail)
            self.result(id, result, bytes: data.count)
        case .failure(let error):
            self.close(FanoutError(error.code, "the response of item \(index) can't be read: \(error.message)"))
        }
    }

    private mutating func result(_ id: UInt64, _ result: ItemResult, bytes: Int) {
        guard let batch = self.batches[id], batch.end == nil else { return }
        var result = result
        batch.results += 1
        if !batch.failures.isEmpty, let failure = batch.failures.removeValue(forKey: UInt64(result.index)),
            case .failure(let said) = result.outcome
        {
            // A stand-in that never ran: if it was cancelled first, that is what happened to it.
            if said.code != .cancelled && said.code != .notStarted { result.outcome = .failure(failure) }
        }
        if batch.isAbandoned {
            self.giveCredit(id, 1)
        } else {
            self.push(id, .result(result), bytes: bytes)
        }
    }
}
