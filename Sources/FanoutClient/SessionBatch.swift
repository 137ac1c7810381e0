// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import NIOCore

/// What a connection knows of one batch.
///
/// A class, so that its buffers are changed in place; only its ``ClientSession`` has it.
final class SessionBatch {
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
    /// Bytes of its frames that Window hasn't given back.
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
}
