// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import NIOCore

/// What a connection knows of one batch.
///
/// A class, so that its buffers are changed in place; only its ``ClientSession`` has it.
final class SessionBatch {
    /// A Submit or Append that was sent.
    struct SentFrame: Hashable {
        /// The index of its first item.
        var first: UInt64
        /// Its items, and those of them without a result.
        var items: Int
        var open: Int
        /// Its size on the wire.
        var bytes: Int
    }

    /// How a batch ended.
    enum End: Hashable {
        case summary
        case failed(FanoutError)
    }

    /// An event that nobody has taken, and the bytes that it came in.
    struct Unread {
        var event: BatchEvent
        var bytes: Int
    }

    let options: BatchOptions
    /// Freed when it was sent.
    var defaults: Request?

    // Upload.
    /// Items that aren't sent.
    var waiting = CircularBuffer<BatchEntry>()
    /// Items that were given, sent or not.
    var itemsGiven: UInt64 = 0
    /// Items that were sent.
    var itemsSent: UInt64 = 0
    var isSubmitted = false
    var isAccepted = false
    /// The caller said that no more items come.
    var isLastGiven: Bool
    /// The daemon was told so.
    var isLastSent = false
    /// Cancelled as a whole: takes no more items.
    var isCancelled = false
    /// Items that were cancelled before they were sent.
    var cancelLater: Set<UInt32> = []
    /// The size of the next frame, known not to fit when it was tried; 0 = not tried.
    var bytesNeeded = 0
    /// Frames with items that have no result, oldest first.
    var frames = CircularBuffer<SentFrame>()
    /// The bytes of those frames.
    var heldBytes = 0
    /// Failures that take the place of what the daemon says of stand-ins.
    var failures: [UInt64: Failure] = [:]

    // Download.
    var unread = CircularBuffer<Unread>()
    var parts: [UInt32: [UInt8]] = [:]
    var results: UInt64 = 0
    /// Results that were taken since the last Credit.
    var taken: UInt32 = 0
    /// Nobody reads it any more.
    var isAbandoned = false
    var end: End?

    init(options: BatchOptions, defaults: Request?, isOpen: Bool) {
        var options = options
        // More would only let memory grow: the daemon sends no faster for it.
        options.initialCredit = min(
            options.initialCredit == 0 ? ClientSession.creditDefault : options.initialCredit,
            1 << 20
        )
        self.options = options
        self.defaults = defaults
        self.isLastGiven = !isOpen
    }

    /// Whether a frame is due.
    var hasToSend: Bool {
        guard self.end == nil, !self.isLastSent else { return false }
        return !self.isSubmitted || !self.waiting.isEmpty || self.isLastGiven
    }

    /// An item that was sent has its result: its bytes are no longer held.
    func settle(_ index: UInt64) {
        var low = 0
        var high = self.frames.count
        while low < high {
            let middle = (low + high) / 2
            if self.frames[offset: middle].first <= index { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return }
        var frame = self.frames[offset: low - 1]
        guard index < frame.first + UInt64(frame.items), frame.open > 0 else { return }
        frame.open -= 1
        if frame.open == 0 { self.heldBytes -= frame.bytes }
        self.frames[offset: low - 1] = frame
        while let first = self.frames.first, first.open == 0 { self.frames.removeFirst() }
    }
}

extension CircularBuffer {
    fileprivate subscript(offset offset: Int) -> Element {
        get { self[self.index(self.startIndex, offsetBy: offset)] }
        set { self[self.index(self.startIndex, offsetBy: offset)] = newValue }
    }
}
