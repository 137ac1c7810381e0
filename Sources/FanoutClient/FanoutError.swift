// Fanout
// SPDX-License-Identifier: Apache-2.0

public import FanoutModel

/// Why a call of this library failed: the daemon can't be reached, refused a batch, or broke off.
///
/// The failure of one item of a batch is no such error: it is a value in ``FanoutModel/ItemResult/outcome``. Only the
/// calls for a single request throw it, with the item's own ``failure`` inside.
public struct FanoutError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The class of the failure.
    public var code: FailureCode
    /// What happened and what to do, for a person.
    public var message: String
    /// Not before this long from now; `nil` = waiting isn't known to help.
    public var retryAfter: Duration?
    /// Nothing of it was run: safe to send again.
    public var notStarted: Bool
    /// The limit that was crossed; 0 = none.
    public var limit: UInt64 = 0
    /// The item's own failure, where the call was for one item; `nil` = the call itself failed.
    public var failure: Failure?

    /// Makes an error.
    public init(_ code: FailureCode, _ message: String, retryAfter: Duration? = nil, notStarted: Bool = false) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
        self.notStarted = notStarted
    }

    /// Makes an error of an item's failure.
    public init(_ failure: Failure) {
        self.code = failure.code
        self.message = failure.message
        self.retryAfter = failure.retryAfterMilliseconds.map { Duration.milliseconds($0) }
        self.notStarted = failure.notStarted
        self.failure = failure
    }

    /// The code and the sentence.
    public var description: String { "\(self.code.name): \(self.message)" }

    /// The task that waited was cancelled.
    static var taskCancelled: FanoutError {
        FanoutError(.cancelled, "the task that waited for it was cancelled")
    }
}
