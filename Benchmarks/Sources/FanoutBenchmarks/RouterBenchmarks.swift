// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// The router's decisions in a standing queue: each step settles attempts, which start the next items, and submits as
/// many new ones of one flow, so that queue and lanes stay full.
struct RouterLoad {
    private static let lanes = 50
    private static let tenants = 20
    private static let laneConcurrency = 16
    private static let stepNanoseconds: UInt64 = 20_000

    private var core: RouterCore
    private var effects: [Effect] = []
    private var now = Instant(nanoseconds: 1_000_000_000)
    private var running: [LeaseID] = []
    private var nextIndex: [UInt32]
    private var nextRun = 0
    private var random: UInt64 = 0x9E37_79B9_7F4A_7C15
    private let groups: Int
    private let slice: Int

    /// A core whose lanes are full and behind which so many items wait, spread over so many flows.
    ///
    /// They are submitted in slices of so many.
    init(queued: Int, flows: Int, groups: Int, slice: Int) {
        var snapshot = Snapshot()
        self.groups = groups
        self.slice = slice
        for index in 0..<groups {
            var group = ModelGroup(name: "group-\(index)")
            for lane in 0..<Self.lanes where lane % groups == index { group.lanes.append(LaneID(lane)) }
            snapshot.groups.append(group)
            snapshot.names[group.name] = GroupID(index)
        }
        for lane in 0..<Self.lanes {
            var deployment = Deployment(
                identity: "lane-\(lane)",
                name: "lane-\(lane)",
                group: GroupID(lane % groups),
                endpoint: Samples.endpoint
            )
            deployment.maxConcurrency = UInt32(Self.laneConcurrency)
            snapshot.deployments.append(deployment)
        }
        self.core = RouterCore(snapshot: snapshot, seed: 1)
        self.nextIndex = Array(repeating: 0, count: flows)
        for flow in 0..<flows {
            let terms = RunTerms(tenant: TenantID(flow % Self.tenants))
            self.core.open(RunID(UInt64(flow)), terms, now: self.now, into: &self.effects)
        }
        var missing = queued + Self.lanes * Self.laneConcurrency
        while missing > 0 {
            self.submit(min(slice, missing))
            missing -= slice
        }
        precondition(self.core.counts.running == Self.lanes * Self.laneConcurrency, "the lanes are not full")
    }

    /// Settles and submits a slice.
    mutating func step() {
        for _ in 0..<self.slice {
            self.random = self.random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let place = Int(truncatingIfNeeded: self.random >> 33) % self.running.count
            self.running.swapAt(place, self.running.count - 1)
            self.now = self.now.adding(nanoseconds: Self.stepNanoseconds)
            self.core.settle(self.running.removeLast(), Outcome(code: nil), now: self.now, into: &self.effects)
            self.takeEffects()
        }
        self.submit(self.slice)
    }

    /// Items that wait.
    var queued: Int { self.core.counts.queued }

    private mutating func submit(_ count: Int) {
        let run = self.nextRun
        self.nextRun = (run + 1) % self.nextIndex.count
        let deadline = self.now.adding(nanoseconds: 600_000_000_000)
        let tickets = (0..<count).map { offset in
            Ticket(
                index: self.nextIndex[run] + UInt32(offset),
                group: GroupID(run % self.groups),
                needs: [],
                deadline: deadline
            )
        }
        self.nextIndex[run] += UInt32(count)
        self.core.submit(RunID(UInt64(run)), tickets, now: self.now, into: &self.effects)
        self.takeEffects()
    }

    private mutating func takeEffects() {
        for case .start(let dispatch) in self.effects { self.running.append(dispatch.lease) }
        self.effects.removeAll(keepingCapacity: true)
    }
}

/// Submit and settle of one item, with long and short queues.
func runRouterBenchmarks(_ stopwatch: Stopwatch) throws {
    let name = "router submit + settle"
    let cases = [
        (name: name, queued: 100_000, groups: 1, slice: 1),
        (name: "\(name), slices of 64", queued: 100_000, groups: 1, slice: 64),
        (name: "\(name), 10 groups", queued: 100_000, groups: 10, slice: 1),
        (name: "\(name), 1,000 queued", queued: 1_000, groups: 1, slice: 1),
        (name: "\(name), 1,000,000 queued", queued: 1_000_000, groups: 1, slice: 1),
    ]
    for row in cases where stopwatch.wants(row.name) {
        var load = RouterLoad(queued: row.queued, flows: 1_000, groups: row.groups, slice: row.slice)
        // The first steps run over memory in the order in which it was taken.
        for _ in 0..<(min(row.queued, 100_000) / row.slice) { load.step() }
        try stopwatch.measure(row.name, per: "item", units: row.slice) {
            load.step()
            return load.queued
        }
        precondition(load.queued == row.queued, "\(load.queued) items wait in place of \(row.queued)")
    }
}
