// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter

/// A core on a bench: named lanes, one run, effects as they come.
final class Bench {
    var core: RouterCore
    var now = Instant.zero
    var effects: [Effect] = []
    var starts: [Dispatch] = []
    var ends: [UInt32: Verdict] = [:]
    var wakeUp = Instant.never
    private var nextIndex: UInt32 = 0

    static let run = RunID(1)

    init(_ snapshot: Snapshot, terms: RunTerms = RunTerms(tenant: TenantID(0)), seed: UInt64 = 1) {
        self.core = RouterCore(snapshot: snapshot, seed: seed)
        self.core.open(Self.run, terms, now: self.now, into: &self.effects)
        self.take()
    }

    /// A snapshot of groups, each with this many lanes, which take 64 at once.
    static func snapshot(lanes: [Int], retries: UInt32 = 0, _ change: (inout Snapshot) -> Void = { _ in }) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.routing.retries = retries
        for (group, count) in lanes.enumerated() {
            snapshot.groups.append(ModelGroup(name: "group-\(group)"))
            for _ in 0..<count {
                let id = snapshot.deployments.count
                var endpoint = Endpoint(
                    provider: "p",
                    format: .openAI,
                    isSecure: false,
                    host: "h",
                    port: 1,
                    pathPrefix: "",
                    model: "m"
                )
                endpoint.credential = .bearer(Secret("key-\(id)"))
                var lane = Deployment(
                    identity: "\(id)",
                    name: "lane-\(id)",
                    group: GroupID(group),
                    endpoint: endpoint
                )
                lane.maxConcurrency = 64
                snapshot.deployments.append(lane)
                snapshot.groups[group].lanes.append(LaneID(id))
            }
        }
        change(&snapshot)
        return snapshot
    }

    @discardableResult
    func submit(
        group: Int = 0,
        run: RunID = Bench.run,
        deadline: UInt64 = 600_000,
        _ change: (inout Ticket) -> Void = { _ in }
    ) -> UInt32 {
        var ticket = Ticket(
            index: self.nextIndex,
            group: GroupID(group),
            needs: .chat,
            deadline: self.now.adding(milliseconds: deadline)
        )
        self.nextIndex += 1
        change(&ticket)
        self.core.submit(run, [ticket], now: self.now, into: &self.effects)
        self.take()
        return ticket.index
    }

    /// Ends the attempt that was started last, or the one given.
    func settle(
        _ code: FailureCode?,
        _ dispatch: Dispatch? = nil,
        retryAfter: UInt64? = nil,
        _ change: (inout Outcome) -> Void = { _ in }
    ) {
        guard let dispatch = dispatch ?? self.starts.last else { return }
        var outcome = Outcome(code: code, retryAfterMilliseconds: retryAfter)
        change(&outcome)
        self.core.settle(dispatch.lease, outcome, now: self.now, into: &self.effects)
        self.take()
    }

    /// Lets time pass, waking the core whenever it asked for it.
    func pass(_ milliseconds: UInt64) {
        let end = self.now.adding(milliseconds: milliseconds)
        while self.wakeUp <= end {
            self.now = max(self.now, self.wakeUp)
            self.wakeUp = .never
            self.core.tick(now: self.now, into: &self.effects)
            self.take()
        }
        self.now = end
    }

    func perform(_ event: (inout RouterCore, Instant, inout [Effect]) -> Void) {
        event(&self.core, self.now, &self.effects)
        self.take()
    }

    var counts: (queued: Int, running: Int) { self.core.counts }
    var running: Int { self.core.running }
    var isIdle: Bool { self.core.isIdle }
    var laneStatus: [LaneStatus] { self.core.laneStatus(now: self.now) }

    /// The lanes of all attempts so far.
    var lanes: [Int] { self.starts.map { Int($0.lane.index) } }

    /// The last effects, in order.
    private(set) var last: [Effect] = []

    private func take() {
        self.last = self.effects
        for effect in self.effects {
            switch effect {
            case .start(let dispatch): self.starts.append(dispatch)
            case .deliver(let item, let verdict): self.ends[item.index] = verdict
            case .sleepUntil(let instant): self.wakeUp = instant
            case .stop, .follow, .restart, .laneChanged: break
            }
        }
        self.effects.removeAll()
        let faults = self.core.invariants()
        precondition(faults.isEmpty, "\(faults)")
    }

    func refusal(of item: UInt32) -> Refusal? {
        guard case .refused(let refusal)? = self.ends[item] else { return nil }
        return refusal
    }

    func succeeded(_ item: UInt32) -> Bool {
        guard case .success? = self.ends[item] else { return false }
        return true
    }
}
