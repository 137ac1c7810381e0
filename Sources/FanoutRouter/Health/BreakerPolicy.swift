// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// When a breaker trips and how long it stays open.
///
/// Each setting replaces its own part of our rule: five failures in a row, or half of ten in 30 s, and a time that
/// grows with the outage.
struct BreakerPolicy: Sendable, Hashable {
    /// Trips when more failures than this come within a minute; `nil` = by streak and share.
    var allowedFails: UInt32?
    /// The same for kinds of failure, each counted by itself; kinds that it doesn't name go by `allowedFails`.
    var allowedFailsByKind: FailureCounts?
    /// Stays open this long; `nil` = growing with the outage.
    var cooldownMilliseconds: UInt64?
    /// Never trips.
    var isDisabled = false

    init() {}

    /// A deployment's own settings go before the router's.
    init(_ deployment: Deployment, _ routing: RoutingSettings) {
        self.allowedFails = deployment.allowedFails ?? routing.allowedFails
        self.allowedFailsByKind =
            deployment.allowedFailsPolicy ?? (deployment.allowedFails == nil ? routing.allowedFailsPolicy : nil)
        self.cooldownMilliseconds = deployment.cooldownMilliseconds ?? routing.cooldownMilliseconds
        self.isDisabled = routing.disablesCooldowns
    }

    /// Whether a failure is one that the breaker counts: by the failure table, or because a key names its kind.
    func counts(_ code: FailureCode) -> Bool {
        code.traits.countsAgainstLane || self.entry(for: code) != nil
    }

    /// The key that says something of a failure.
    ///
    /// One for all other kinds (`others`) speaks of what the table counts; it doesn't make a caller's fault the lane's.
    func entry(for code: FailureCode) -> (kind: FailureCounts.Kind, count: UInt32)? {
        guard let entry = self.allowedFailsByKind?.entry(for: code) else { return nil }
        return entry.kind == .others && !code.traits.countsAgainstLane ? nil : entry
    }

    /// How long the window is in which failures are counted, in nanoseconds.
    var span: UInt64 { self.allowedFails == nil ? Breaker.windowSpan : Breaker.allowedFailsSpan }
}
