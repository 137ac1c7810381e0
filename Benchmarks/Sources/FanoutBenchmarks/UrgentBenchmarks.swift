// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// Full lanes, 100,000 items of bulk behind them, and one urgent item at a time: what it takes from a place that
/// becomes free to the urgent item's start.
struct UrgentLoad: ~Copyable {
    private static let lanes = 50
    private static let laneConcurrency = 16
    private static let bulk = RunID(1)
    private static let urgent = RunID(2)

    private var core: RouterCore
    private var effects: [Effect] = []
    private var now = Instant(nanoseconds: 1_000_000_000)
    private var running: [LeaseID] = []
    private var random: UInt64 = 0x9E37_79B9_7F4A_7C15
    private var nextUrgent: UInt32 = 0

    init(queued: Int) {
        var snapshot = Snapshot()
        var group = ModelGroup(name: "group")
        group.lanes = (0..<Self.lanes).map { LaneID($0) }
        snapshot.groups = [group]
        for lane in 0..<Self.lanes {
            var deployment = Deployment(
                identity: "lane-\(lane)",
                name: "lane-\(lane)",
                group: GroupID(0),
                endpoint: Samples.endpoint
            )
            deployment.maxConcurrency = UInt32(Self.laneConcurrency)
            snapshot.deployments.append(deployment)
        }
        snapshot.routing.batchConcurrency = snapshot.routing.daemonConcurrency
        self.core = RouterCore(snapshot: snapshot, seed: 1)
        var terms = RunTerms(tenant: TenantID(0), priorityClass: .bulk)
        self.core.open(Self.bulk, terms, now: self.now, into: &self.effects)
        terms.priorityClass = .interactive
        self.core.open(Self.urgent, terms, now: self.now, into: &self.effects)
        let tickets = (0..<(queued + Self.lanes * Self.laneConcurrency)).map { self.ticket(UInt32($0)) }
        self.core.submit(Self.bulk, tickets, now: self.now, into: &self.effects)
        _ = self.takeStarts()
        precondition(self.core.counts.queued == queued, "the lanes are not full")
    }

    /// An urgent item comes, a place becomes free: the nanoseconds of the decision that gives it to the item.
    mutating func step() -> Double {
        self.core.submit(Self.urgent, [self.ticket(self.nextUrgent)], now: self.now, into: &self.effects)
        self.nextUrgent += 1
        _ = self.takeStarts()
        self.random = self.random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let place = Int(truncatingIfNeeded: self.random >> 33) % self.running.count
        self.running.swapAt(place, self.running.count - 1)
        self.now = self.now.adding(nanoseconds: 20_000)
        let lease = self.running.removeLast()
        let begin = Stopwatch.threadNanoseconds()
        self.core.settle(lease, Outcome(code: nil), now: self.now, into: &self.effects)
        let took = Stopwatch.threadNanoseconds() - begin
        precondition(self.takeStarts() == [Self.urgent], "the free place went to somebody else")
        return took
    }

    private func ticket(_ index: UInt32) -> Ticket {
        Ticket(index: index, group: GroupID(0), needs: [], deadline: self.now.adding(nanoseconds: 3_600_000_000_000))
    }

    private mutating func takeStarts() -> [RunID] {
        var runs: [RunID] = []
        for case .start(let dispatch) in self.effects {
            self.running.append(dispatch.lease)
            runs.append(dispatch.item.run)
        }
        self.effects.removeAll(keepingCapacity: true)
        return runs
    }
}

/// From a free place to the start of an urgent item behind 100,000 of bulk; the bar for its 99th percentile is 100 µs.
func runUrgentBenchmarks(_ stopwatch: Stopwatch) {
    let name = "router, free place to urgent start behind 100,000 bulk"
    guard stopwatch.wants(name) else { return }
    var load = UrgentLoad(queued: 100_000)
    var medians: [Double] = []
    var tails: [Double] = []
    for _ in 0..<10 {
        let samples = (0..<2_000).map { _ in load.step() }.sorted()
        medians.append(samples[samples.count / 2])
        tails.append(samples[samples.count * 99 / 100])
    }
    stopwatch.report("\(name), p50", per: "start", medians)
    stopwatch.report("\(name), p99", per: "start", tails)
}
