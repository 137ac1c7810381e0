// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What can be done to an attempt under way.
package protocol AttemptControl: AnyObject {
    /// Ends the attempt; see ``AttemptHandle/cancel(_:)``.
    func cancel(_ reason: CancelReason)
    /// Stops reading; see ``AttemptHandle/pauseReading()``.
    func pauseReading()
    /// Reads again.
    func resumeReading()
}

/// The engine's hold on an attempt under way.
///
/// Confined to the loop.
package final class AttemptHandle {
    private let control: any AttemptControl

    /// A handle that passes everything to `control`.
    package init(control: any AttemptControl) {
        self.control = control
    }

    /// Closes the upstream request within this tick of the loop and ends the attempt in one `finished`.
    ///
    /// That may come before this returns. Later calls, and calls after the end, do nothing.
    package func cancel(_ reason: CancelReason) {
        self.control.cancel(reason)
    }

    /// Stops reading from the provider: the output of this attempt is over its mark.
    ///
    /// What was already read is still delivered, and so is the one read that the loop has already asked for (at most
    /// 256 KiB). The timers that wait for the provider rest meanwhile; the whole
    /// attempt's does not.
    package func pauseReading() {
        self.control.pauseReading()
    }

    /// Reads again.
    package func resumeReading() {
        self.control.resumeReading()
    }
}
