// Fanout
// SPDX-License-Identifier: Apache-2.0

public import FanoutModel
internal import FanoutWire

/// What happened to one item, as the daemon remembers it.
public struct Explanation: Sendable, Hashable {
    /// The model group that was asked for.
    public var model: String
    /// How it ended; `nil` = with a response.
    public var code: FailureCode?
    /// Since it ended.
    public var ageMilliseconds: UInt64
    /// Each attempt, and the item's times and money.
    public var trail: Trail
    /// The deployments of the model groups that were entered.
    public var candidates: [Candidate]

    /// A deployment that could have been taken.
    public struct Candidate: Sendable, Hashable {
        /// Its name.
        public var deployment: String
        /// Whether an attempt was made on it.
        public var isTaken: Bool
        /// What came of that, or its state when the question came.
        public var reason: String
    }

    init(_ explanation: ServerFrame.Explanation) {
        self.model = explanation.model
        self.code = explanation.code
        self.ageMilliseconds = explanation.ageMilliseconds
        self.trail = explanation.trail ?? Trail()
        self.candidates = explanation.candidates.map { note in
            Candidate(deployment: note.deployment, isTaken: note.taken, reason: note.reason)
        }
    }
}
