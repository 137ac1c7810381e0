// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// The router's decisions in a standing queue: each step settles attempts, which start the next items, and submits as
/// many new ones of one flow, so that queue and lanes stay full.
struct RouterLoad: ~Copyable {
    private static let lanes = 50
    private static let tenants = 20
    private static let laneConcurrency = 16
    private static let stepNanoseconds: UInt64 = 20_000

    /// What waits, and for what.
    struct Shape {
        var queued = 100_000
        var flows = 1_000
        var groups = 1
        /// Items are submitted in slices of so many.
        var slice = 1
        /// Prompts and answers of many sizes, with usage reported and a limit of tokens that no lane comes near; else
        /// every item costs the same.
        var hasTokens = false
    }

    private var core: RouterCore
    private var effects: [Effect] = []
    private var now = Instant(nanoseconds: 1_000_000_000)
    private var running: [LeaseID] = []
    private var nextIndex: [UInt32]
    private var nextRun = 0
    private var random: UInt64 = 0x9E37_79B9_7F4A_7C15
    private var tickets: [Ticket] = []
    private let shape: Shape

    /// A core whose lanes are full and behind which items wait.
    init(_ shape: Shape) {
        var snapshot = Snapshot()
        let groups = shape.groups
        self.shape = shape
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
            if shape.hasTokens { deployment.tokensPerMinute = 1e12 }
            snapshot.deployments.append(deployment)
        }
        self.core = RouterCore(snapshot: snapshot, seed: 1)
        self.nextIndex = Array(repeating: 0, count: shape.flows)
        for flow in 0..<shape.flows {
            let terms = RunTerms(tenant: TenantID(flow % Self.tenants))
            self.core.open(RunID(UInt64(flow)), terms, now: self.now, into: &self.effects)
        }
        var missing = shape.queued + Self.lanes * Self.laneConcurrency
        while missing > 0 {
            self.submit(min(shape.slice, missing))
            missing -= shape.slice
        }
        precondition(self.core.counts.running == Self.lanes * Self.laneConcurrency, "the lanes are not full")
    }

    /// Settles and submits a slice.
    mutating func step() {
        for _ in 0..<self.shape.slice {
            let place = self.draw(below: self.running.count)
            self.running.swapAt(place, self.running.count - 1)
            self.now = self.now.adding(nanoseconds: Self.stepNanoseconds)
            var outcome = Outcome(code: nil)
            if self.shape.hasTokens {
                outcome.promptTokens = 100 + UInt32(self.draw(below: 400))
                outcome.completionTokens = 1 + UInt32(self.draw(below: 600))
                outcome.firstContentMicroseconds = 300_000
            }
            self.core.settle(self.running.removeLast(), outcome, now: self.now, into: &self.effects)
            self.takeEffects()
        }
        self.submit(self.shape.slice)
    }

    private mutating func draw(below bound: Int) -> Int {
        self.random = self.random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(truncatingIfNeeded: self.random >> 33) % bound
    }

    /// Items that wait.
    var queued: Int { self.core.counts.queued }

    private mutating func submit(_ count: Int) {
        let run = self.nextRun
        self.nextRun = (run + 1) % self.nextIndex.count
        let deadline = self.now.adding(nanoseconds: 600_000_000_000)
        self.tickets.removeAll(keepingCapacity: true)
        for offset in 0..<count {
            var ticket = Ticket(
                index: self.nextIndex[run] + UInt32(offset),
                group: GroupID(run % self.shape.groups),
                needs: [],
                deadline: deadline
            )
            if self.shape.hasTokens { ticket.promptTokens = 100 + UInt32(self.draw(below: 400)) }
            self.tickets.append(ticket)
        }
        self.nextIndex[run] += UInt32(count)
        self.core.submit(RunID(UInt64(run)), self.tickets, now: self.now, into: &self.effects)
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
        (name: name, shape: RouterLoad.Shape()),
        (name: "\(name), slices of 64", shape: RouterLoad.Shape(slice: 64)),
        (name: "\(name), 10 groups", shape: RouterLoad.Shape(groups: 10)),
        (name: "\(name), 1,000 queued", shape: RouterLoad.Shape(queued: 1_000)),
        (name: "\(name), 1,000,000 queued", shape: RouterLoad.Shape(queued: 1_000_000)),
    ]
    for row in cases where stopwatch.wants(row.name) {
        var load = RouterLoad(warm: row.shape)
        try stopwatch.measure(row.name, per: "item", units: row.shape.slice) {
            load.step()
            return load.queued
        }
        precondition(load.queued == row.shape.queued, "\(load.queued) items wait in place of \(row.shape.queued)")
    }
    let decisions = [
        (name: "router decision, 5,000 flows", shape: RouterLoad.Shape(flows: 5_000)),
        (name: "router decision, 5,000 flows, tokens", shape: RouterLoad.Shape(flows: 5_000, hasTokens: true)),
    ]
    for row in decisions where stopwatch.wants(row.name) {
        var load = RouterLoad(warm: row.shape)
        stopwatch.measureEach(row.name, per: "decision") { load.step() }
    }
}

extension RouterLoad {
    /// A load in its steady state: the first steps run over memory in the order in which it was taken.
    init(warm shape: Shape) {
        self.init(shape)
        for _ in 0..<(2 * min(shape.queued, 100_000) / shape.slice) { self.step() }
    }
}
