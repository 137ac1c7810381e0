// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import FanoutRouter

/// What is to be expected of a batch that isn't taken in yet.
package struct BatchForecast: Sendable, Hashable {
    /// Until its last answer, in milliseconds; 0 = not known.
    package var finishMilliseconds: UInt64 = 0
    /// Nothing of it could be answered in time; `nil` = some of it may be.
    package var refusal: Refusal?

    /// Why a batch is refused as a whole.
    package struct Refusal: Sendable, Hashable {
        package var message: String
        /// Until sending it again may help, in milliseconds; 0 = it doesn't.
        package var retryAfterMilliseconds: UInt64
    }

    /// Nothing is known.
    package init() {}
}

extension Engine {
    /// What the router expects of a batch: so many items for each model.
    ///
    /// Nothing is expected where a model isn't known: its items are answered at once, and the others are late.
    package func forecast(
        _ counts: [(model: String, items: Int)],
        of tenant: String,
        options: BatchOptions,
        received: Instant
    ) -> BatchForecast {
        let work = counts.compactMap { count in
            self.snapshot.server(of: count.model).map { ForecastWork(group: $0.group, items: count.items) }
        }
        guard work.count == counts.count else { return BatchForecast() }
        let terms = self.terms(of: tenant, options: options, received: received)
        let expected = self.router.assumeIsolated { $0.forecast(terms, work, now: received) }
        var forecast = BatchForecast()
        forecast.finishMilliseconds = expected.finishMilliseconds
        if expected.tooLateMilliseconds > 0 {
            let words =
                "nothing of this batch could be answered within its batch_deadline_ms of"
                + " \(options.batchDeadlineMilliseconds): its first answer is expected in"
                + " \(expected.tooLateMilliseconds) ms at the earliest"
            forecast.refusal = BatchForecast.Refusal(
                message: words,
                retryAfterMilliseconds: expected.retryMilliseconds
            )
        }
        return forecast
    }
}
