// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
package import FanoutRouter

/// Items of one kind that one tenant submits.
package struct Load: Sendable {
    package var arrival: Arrival
    package var tenant = 0
    package var priorityClass: PriorityClass = .standard
    package var group = 0
    /// Submits nothing before.
    package var fromMilliseconds: UInt64 = 0
    /// Submits nothing from here on.
    package var untilMilliseconds: UInt64 = .max
    package var prompt: TokenLaw = .fixed(500)
    package var completion: TokenLaw = .lognormal(mean: 300, sigma: 0.8)
    /// `max_tokens` of each request, where an answer ends; 0 = none named.
    package var maxTokens: UInt32 = 0
    /// The σ of the lognormal error of the prompt's estimate.
    package var estimateError = 0.0
    /// From submission.
    package var deadlineMilliseconds: UInt64 = 600_000
    /// Whether answers are streamed, so that there is a time to first content.
    package var isStreamed = true
    /// Over how many runs (batches) its items are spread in turn.
    package var runs = 1
    /// The width of each run; 0 = as configured.
    package var maxConcurrency: UInt32 = 100_000
    /// What all its tickets have in common; index, group, deadline and tokens are filled in.
    package var ticket = Ticket(index: 0, group: GroupID(0), needs: .chat, deadline: .never)

    /// When items come.
    package enum Arrival: Sendable {
        /// An open loop with even gaps.
        case steady(perSecond: Double)
        /// An open loop, as a Poisson process.
        case poisson(perSecond: Double)
        /// So many at once.
        case burst(Int)
        /// A closed loop: so many undecided at any time.
        case backlog(Int)
    }

    /// Makes a load.
    package init(_ arrival: Arrival) {
        self.arrival = arrival
    }
}
