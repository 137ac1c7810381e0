// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire
internal import NIOCore

extension ClientSession {
    /// Where an upload stands.
    enum Uploaded: Hashable {
        case waiting
        case done
        case failed(FanoutError)
    }

    /// Begins a batch; its frames go out as the window allows.
    mutating func begin(
        _ entries: [BatchEntry],
        options: BatchOptions,
        defaults: Request?,
        isOpen: Bool
    ) throws(FanoutError) -> UInt64 {
        switch self.state {
        case .closed(let error): throw error
        case .draining:
            let words = "the daemon is shutting down and takes no more batches: connect again"
            throw FanoutError(.notStarted, words, notStarted: true)
        case .greeting, .ready: break
        }
        let id = self.nextID()
        let batch = SessionBatch(options: options, defaults: defaults, isOpen: isOpen)
        batch.waiting.append(contentsOf: entries)
        batch.itemsGiven = UInt64(entries.count)
        self.batches[id] = batch
        self.senders.append(id)
        self.pump()
        return id
    }

    /// Puts more items into an open batch and gives the count at which they are sent: see ``uploaded(_:upTo:)``.
    mutating func append(_ id: UInt64, _ entries: [BatchEntry], isLast: Bool) throws(FanoutError) -> UInt64 {
        if case .closed(let error) = self.state { throw error }
        guard let batch = self.batches[id], batch.end == nil, !batch.isLastGiven, !batch.isCancelled else {
            throw self.appendRefused(id)
        }
        let wasIdle = !batch.hasToSend
        batch.waiting.append(contentsOf: entries)
        batch.itemsGiven += UInt64(entries.count)
        batch.isLastGiven = isLast
        if wasIdle { self.senders.append(id) }
        self.pump()
        return batch.itemsGiven
    }

    private func appendRefused(_ id: UInt64) -> FanoutError {
        guard let batch = self.batches[id] else {
            return FanoutError(.wrongState, "batch \(id) is over and takes no more items", notStarted: true)
        }
        if case .failed(let error) = batch.end { return error }
        let why =
            batch.isCancelled ? "was cancelled" : batch.end != nil ? "is over" : "was not opened, or had its last items"
        return FanoutError(.wrongState, "batch \(id) \(why) and takes no more items", notStarted: true)
    }

    /// Whether the first `count` items of a batch are sent.
    func uploaded(_ id: UInt64, upTo count: UInt64) -> Uploaded {
        guard let batch = self.batches[id] else { return .done }
        if batch.itemsSent >= count { return .done }
        if batch.isCancelled || batch.end != nil { return .failed(self.appendRefused(id)) }
        return .waiting
    }

    /// Cancels a batch (no indexes), or some of its items.
    ///
    /// Items that weren't sent are dropped with the batch. Unknown or finished is no fault: the end may be on its way.
    mutating func cancel(_ id: UInt64, indexes: [UInt32] = []) {
        guard let batch = self.batches[id], batch.end == nil, !batch.isCancelled else { return }
        if indexes.isEmpty {
            batch.isCancelled = true
            batch.waiting.removeAll()
            batch.isLastSent = true
            self.senders.removeAll { $0 == id }
            self.wake(.upload(id))
            guard batch.isSubmitted else {
                let words = "the batch was cancelled before it was sent"
                return self.end(id, with: FanoutError(.cancelled, words, notStarted: true))
            }
            self.send(ClientFrame(id: id, body: .cancel(indexes: [])))
        } else {
            batch.cancelLater.formUnion(indexes)
            self.cancelOverdue(id, batch)
        }
    }

    /// Cancels the items that are sent by now; the daemon would take an earlier word for a late one.
    private mutating func cancelOverdue(_ id: UInt64, _ batch: SessionBatch) {
        guard !batch.cancelLater.isEmpty else { return }
        let due = batch.cancelLater.filter { UInt64($0) < batch.itemsSent }.sorted()
        batch.cancelLater.subtract(due)
        var start = 0
        while start < due.count {
            let end = min(start + Self.cancelIndexesMax, due.count)
            self.send(ClientFrame(id: id, body: .cancel(indexes: Array(due[start..<end]))))
            start = end
        }
    }

    /// Sends what the windows allow, one frame a batch and turn.
    mutating func pump() {
        if case .closed = self.state { return }
        var stuck = 0
        while stuck < self.senders.count, let id = self.senders.popFirst() {
            guard let batch = self.batches[id], batch.hasToSend else { continue }
            switch self.sendFrame(of: id) {
            case .sent:
                stuck = 0
                self.wake(.upload(id))
                if batch.hasToSend { self.senders.append(id) }
            case .batchIsFull:
                stuck += 1
                self.senders.append(id)
            case .connectionIsFull:
                // Whoever is first waits at the front, or a stream of small batches would starve a large frame.
                self.senders.prepend(id)
                return
            case .failed(let error):
                self.end(id, with: error)
            }
        }
    }

    private enum Turn {
        case sent
        case batchIsFull
        case connectionIsFull
        case failed(FanoutError)
    }

    private mutating func sendFrame(of id: UInt64) -> Turn {
        guard let batch = self.batches[id] else { return .sent }
        let room = self.windowBytes - self.outstanding
        let share = self.batchWindowBytes - batch.heldBytes
        if batch.isSubmitted, batch.bytesNeeded > share { return .batchIsFull }
        if batch.bytesNeeded > room { return .connectionIsFull }

        var count = self.sliceCount(of: batch.waiting)
        while true {
            // The share is of open batches only.
            let isWhole = !batch.isSubmitted && batch.isLastGiven && count == batch.waiting.count
            let ceiling = self.ceiling(isWhole ? self.windowBytes : self.batchWindowBytes)
            guard let bytes = self.sendItems(self.frame(of: id, batch, items: count), ceiling: ceiling) else {
                if count > 1 {
                    count /= 2
                    continue
                }
                return self.frameIsTooLarge(id, items: count, ceiling: ceiling)
            }
            if bytes > room || !isWhole && bytes > share {
                self.unsend(bytes)
                batch.bytesNeeded = bytes
                return bytes > room ? .connectionIsFull : .batchIsFull
            }
            self.sent(id, items: count, bytes: bytes)
            return .sent
        }
    }

    /// The most bytes of a frame: of a window, a sixteenth may be given back and not yet announced.
    private func ceiling(_ window: Int) -> Int { min(self.frameBytesMax, window - window / 16) }

    private mutating func sendItems(_ frame: ClientFrame, ceiling: Int) -> Int? {
        guard let bytes = self.sendItems(frame) else { return nil }
        if bytes <= ceiling { return bytes }
        self.unsend(bytes)
        return nil
    }

    /// How many items from the front make up a frame of handy size.
    private func sliceCount(of waiting: CircularBuffer<BatchEntry>) -> Int {
        let bytesMax = min(Self.sliceBytes, self.batchWindowBytes / 4)
        var bytes = 0
        var count = 0
        for entry in waiting {
            if case .item(let item) = entry { bytes += item.wireBytesEstimate } else { bytes += 16 }
            if count > 0 && bytes > bytesMax { break }
            count += 1
            if count == Self.sliceItemsMax { break }
        }
        return count
    }

    private func frame(of id: UInt64, _ batch: SessionBatch, items count: Int) -> ClientFrame {
        let isLast = batch.isLastGiven && count == batch.waiting.count
        let items = batch.waiting.prefix(count).map { entry in
            switch entry {
            case .item(let item): WireItem.item(item)
            case .unusable(let id, _): WireItem.item(Self.standIn(id))
            }
        }
        guard !batch.isSubmitted else {
            return ClientFrame(id: id, body: .append(ClientFrame.Append(items: items, isLast: isLast)))
        }
        let submit = ClientFrame.Submit(options: batch.options, defaults: batch.defaults, items: items, isOpen: !isLast)
        return ClientFrame(id: id, body: .submit(submit))
    }

    /// An item that can't run under any defaults, since a model's name holds no NUL.
    ///
    /// It keeps the place of one that can't be sent, so that indexes, order, counts and fail-fast are the daemon's
    /// alone.
    static func standIn(_ id: String) -> Item {
        var item = Item(request: Request(model: "\u{0}", task: nil))
        item.id = id.utf8.count <= 256 ? id : ""
        return item
    }

    private mutating func sent(_ id: UInt64, items count: Int, bytes: Int) {
        guard let batch = self.batches[id] else { return }
        for (offset, entry) in batch.waiting.prefix(count).enumerated() {
            guard case .unusable(_, let failure) = entry else { continue }
            batch.failures[batch.itemsSent + UInt64(offset)] = failure
        }
        batch.isLastSent = batch.isLastGiven && count == batch.waiting.count
        batch.waiting.removeFirst(count)
        batch.bytesNeeded = 0
        batch.heldBytes += bytes
        batch.itemsSent += UInt64(count)
        batch.isSubmitted = true
        batch.defaults = nil
        self.outstanding += bytes
        self.cancelOverdue(id, batch)
    }

    /// What to do about a frame of one item, or of none, that is over the limit.
    private mutating func frameIsTooLarge(_ id: UInt64, items count: Int, ceiling: Int) -> Turn {
        guard let batch = self.batches[id] else { return .sent }
        // The limits are only known from Welcome on.
        if self.state == .greeting { return .connectionIsFull }
        if !batch.isSubmitted, batch.defaults != nil { return self.sendDefaultsAlone(of: id, ceiling: ceiling) }
        guard count > 0, case .item(let item) = batch.waiting.removeFirst() else {
            return .failed(FanoutError(.tooLarge, "the batch's options don't fit a frame", notStarted: true))
        }
        var failure = Failure(
            .tooLarge,
            "the item takes more than \(ceiling) bytes on the wire: send large media by URL"
        )
        failure.notStarted = true
        batch.waiting.prepend(.unusable(id: item.id, failure))
        return self.sendFrame(of: id)
    }

    private mutating func sendDefaultsAlone(of id: UInt64, ceiling: Int) -> Turn {
        guard let batch = self.batches[id] else { return .sent }
        guard let bytes = self.sendItems(self.frame(of: id, batch, items: 0), ceiling: ceiling) else {
            let words = "the batch's defaults take more than \(ceiling) bytes on the wire"
            return .failed(FanoutError(.tooLarge, words, notStarted: true))
        }
        guard bytes <= self.windowBytes - self.outstanding else {
            self.unsend(bytes)
            return .connectionIsFull
        }
        self.sent(id, items: 0, bytes: bytes)
        return .sent
    }
}
