// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// Takes what an attempt brings.
///
/// Called on the loop, possibly from inside `start` or `cancel`.
package protocol AttemptSink: AnyObject {
    /// The answer's headers have come, and they speak of the provider's limits; at most once, before all else.
    func attempt(_ id: UInt64, reported rates: RateReport)
    /// Pieces of the answer, in order; only where they were asked for.
    func attempt(_ id: UInt64, received deltas: [Delta])
    /// The first content has come; once, before the first `received`.
    func attemptReachedFirstContent(_ id: UInt64)
    /// The attempt has ended; exactly once, whatever happened.
    func attempt(_ id: UInt64, finished report: AttemptReport)
}

/// How an attempt ended.
package struct AttemptReport: Sendable {
    /// The answer, or why there is none.
    package var result: Result<Response, Failure>
    /// From start to an established connection, TLS included; 0 = an idle one was reused, or none was established.
    package var connectMicroseconds: UInt64 = 0
    /// From start to the answer's headers; 0 = none came.
    package var headersMicroseconds: UInt64 = 0
    /// From start to the first content; 0 = none came.
    package var firstContentMicroseconds: UInt64 = 0
    /// From start to the end.
    package var totalMicroseconds: UInt64 = 0
    /// Pieces were handed to the sink.
    package var hadContent = false
    /// No byte of the request left, so nothing can have been billed.
    package var wasNeverSent = false
    /// The request was sent a second time, since a connection that had been idle was lost before an answer began.
    package var wasRepeated = false
    /// It went out in parts, of which one failed after others had been answered.
    package var hadAnsweredParts = false
    /// Who ended it; `nil` = nobody did.
    package var cancelled: CancelReason?

    /// Whether it may have been billed for nothing: the request went out, and no answer says that it was refused; or it
    /// went out twice; or parts of it were answered and others not.
    ///
    /// A gateway's 504 (and 408) says only that it waited no longer.
    package var mayHaveBeenBilled: Bool {
        if self.wasRepeated || self.hadAnsweredParts { return true }
        guard !self.wasNeverSent, case .failure(let failure) = self.result else { return false }
        return switch failure.providerStatus {
        case 0, 408, 504: true
        case 200..<300: failure.possibleDoubleSpend
        default: false
        }
    }

    /// Makes a report.
    package init(result: Result<Response, Failure>) {
        self.result = result
    }
}
