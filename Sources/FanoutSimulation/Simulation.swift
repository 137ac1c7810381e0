// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// The router in a world of its own: a virtual clock, random configurations, providers, clients and faults.
///
/// Everything comes from the seed, so a run that finds a fault finds it again. The code under test is the very
/// ``RouterCore`` that serves in production.
package struct Simulation: ~Copyable {
    /// What a run came to.
    package struct Report: Sendable {
        package var seed: UInt64
        package var events = 0
        /// Equal for equal seeds.
        package var trace: UInt64 = 0xCBF2_9CE4_8422_2325
        package var faults: [String] = []
        package var tally: [String: Int] = [:]
    }

    enum Event {
        case open
        case submit(RunID)
        case close(RunID)
        case cancelItems(RunID)
        case cancelRun(RunID)
        case pause(RunID)
        case resume(RunID)
        case reload
        case mood
        case heal
        case settle(LeaseID, Outcome)
        case settleAgain
        case firstContent(LeaseID)
        case headers(LeaseID, RateReport)
        case tick
        case drain
    }

    var world: World
    var core: RouterCore
    var referee: Referee
    var report: Report
    var schedule: [(instant: Instant, order: Int, event: Event)] = []
    var nextOrder = 0
    var now = Instant.zero
    var effects: [Effect] = []
    var nextRun: UInt64 = 1
    var nextIndex: [RunID: UInt32] = [:]
    var streamed: Set<RunID> = []
    var closed: Set<RunID> = []
    var wakeUp = Instant.never
    var isHealed = false
    /// Prints each event and its effects.
    var isLogged = false
    /// Every how many events the core's own invariants are recomputed.
    var checkEvery = 1

    /// Makes a simulation.
    package init(seed: UInt64, checkEvery: Int = 1) {
        self.world = World(seed: seed)
        self.core = RouterCore(snapshot: self.world.snapshot, seed: seed)
        self.referee = Referee(snapshot: self.world.snapshot)
        self.report = Report(seed: seed)
        self.checkEvery = checkEvery
    }

    /// Runs it to its end.
    ///
    /// `log` prints each event with its effects, for a look at a seed that failed.
    package static func run(seed: UInt64, checkEvery: Int = 1, log: Bool = false) -> Report {
        var simulation = Simulation(seed: seed, checkEvery: checkEvery)
        simulation.isLogged = log
        simulation.run()
        return simulation.report
    }

    private mutating func run() {
        let span = self.world.pick([5_000, 20_000, 60_000])
        for _ in 0..<(10 + self.world.below(30)) { self.plan(.open, in: self.world.below(span)) }
        for _ in 0..<self.world.below(20) { self.plan(.mood, in: self.world.below(span)) }
        for _ in 0..<self.world.below(10) { self.plan(.reload, in: self.world.below(span)) }
        for _ in 0..<3 { self.plan(.settleAgain, in: self.world.below(span)) }
        if self.world.chance(8) { self.plan(.drain, in: span / 2 + self.world.below(span)) }
        self.plan(.heal, in: span)
        while let next = self.takeNext() {
            self.now = next.instant
            if self.isLogged { print("\(self.report.events) \(self.now.nanoseconds / 1_000_000) ms: \(next.event)") }
            self.step(next.event)
            self.report.events += 1
            if !self.referee.faults.isEmpty { break }
            if self.report.events > 200_000 {
                self.referee.blame("it doesn't end")
                break
            }
        }
        self.finish()
    }

    private mutating func finish() {
        if self.referee.faults.isEmpty {
            for id in self.referee.open { self.referee.blame("\(id.run.number)/\(id.index) never ended") }
            if !self.core.isIdle { self.referee.blame("something is left in the router") }
        }
        self.report.faults = self.referee.faults
        self.report.tally = self.referee.tally
    }

    // MARK: - Time

    mutating func plan(_ event: Event, in milliseconds: Int) {
        self.plan(event, at: self.now.adding(milliseconds: UInt64(milliseconds)))
    }

    mutating func plan(_ event: Event, at instant: Instant) {
        self.nextOrder += 1
        let row = (instant: instant, order: self.nextOrder, event: event)
        // A sorted array, latest first: short, and its order is beyond doubt.
        var low = 0
        var high = self.schedule.count
        while low < high {
            let middle = (low + high) / 2
            let other = self.schedule[middle]
            if (other.instant, other.order) > (row.instant, row.order) { low = middle + 1 } else { high = middle }
        }
        self.schedule.insert(row, at: low)
    }

    private mutating func takeNext() -> (instant: Instant, event: Event)? {
        if self.wakeUp <= (self.schedule.last?.instant ?? .never), self.wakeUp != .never {
            let instant = max(self.wakeUp, self.now)
            self.wakeUp = .never
            return (instant, .tick)
        }
        guard let row = self.schedule.popLast() else { return nil }
        return (row.instant, row.event)
    }

    // MARK: - Effects

    /// Judges and carries out what the core asked for.
    mutating func perform() {
        let effects = self.effects
        self.effects.removeAll(keepingCapacity: true)
        self.referee.observe(limits: self.core.laneLimits())
        for effect in effects {
            self.fold(effect)
            self.referee.count(effect)
            if self.isLogged { print("    \(effect)") }
            self.referee.judge(effect)
            switch effect {
            case .start(let dispatch): self.start(dispatch)
            case .stop(let lease, _): self.stop(lease)
            case .sleepUntil(let instant): self.wakeUp = instant
            case .deliver, .follow, .restart, .laneChanged: break
            }
        }
        let isThorough = self.report.events % self.checkEvery == 0
        self.referee.finish(isThorough: isThorough)
        // Whoever is forgotten is often found by the next event: this is looked at after each.
        for fault in self.core.checkIdleness() { self.referee.blame("invariant: \(fault)") }
        guard isThorough else { return }
        self.referee.compare(self.core.laneStatus(now: self.now))
        for fault in self.core.invariants() { self.referee.blame("invariant: \(fault)") }
    }

    private mutating func countFault(of outcome: Outcome, milliseconds: UInt64) {
        guard let code = outcome.code else { return }
        self.referee.count("fault \(code.name)")
        if code == .timeout && milliseconds >= 20_000 { self.referee.count("fault hang") }
        if outcome.hadContent { self.referee.count("fault cut stream") }
    }

    private mutating func start(_ dispatch: Dispatch) {
        let isStreamed = self.streamed.contains(dispatch.item.run)
        var answer = self.world.answer(of: dispatch.lane, streamed: isStreamed)
        let deadline = self.referee.items[dispatch.item]?.deadline ?? .never
        if let ticket = self.referee.items[dispatch.item]?.ticket {
            self.world.fill(&answer.outcome, for: ticket, on: dispatch.lane, milliseconds: answer.milliseconds)
        }
        var end = self.now.adding(milliseconds: answer.milliseconds)
        if end > deadline {
            // The attempt's own timer ends it.
            end = deadline
            answer.outcome = Outcome(code: self.world.chance(50) ? .timeout : .deadlineExceeded)
        }
        self.countFault(of: answer.outcome, milliseconds: answer.milliseconds)
        self.plan(.settle(dispatch.lease, answer.outcome), at: end)
        if self.world.tellsRates, self.world.chance(50) {
            let early = self.world.below(Int(answer.milliseconds) + 1)
            self.plan(.headers(dispatch.lease, self.world.rates()), in: early)
        }
        let isRace = (self.referee.items[dispatch.item]?.legs.count ?? 1) > 1
        if isStreamed && isRace && (answer.outcome.code == nil || answer.outcome.hadContent) {
            self.plan(.firstContent(dispatch.lease), in: Int(answer.milliseconds) / 2)
        }
    }

    /// Most stopped attempts end soon as cancelled; some answers were on their way already.
    private mutating func stop(_ lease: LeaseID) {
        if self.world.chance(25) {
            self.referee.count("fault late answer")
            return
        }
        self.plan(.settle(lease, Outcome(code: .cancelled)), in: self.world.below(50))
    }

    /// FNV-1a over what an effect says, a word at a time.
    private mutating func fold(_ effect: Effect) {
        switch effect {
        case .start(let dispatch):
            self.fold(1, dispatch.lease.number, UInt64(dispatch.lane.index), self.number(of: dispatch.item))
        case .stop(let lease, let reason): self.fold(2, lease.number, UInt64(reason.rawValue), 0)
        case .deliver(let item, let verdict): self.fold(3, self.number(of: item), self.number(of: verdict), 0)
        case .follow(let item, let leader): self.fold(4, self.number(of: item), self.number(of: leader), 0)
        case .restart(let item, let code): self.fold(5, self.number(of: item), UInt64(code.rawValue), 0)
        case .sleepUntil(let instant): self.fold(6, instant.nanoseconds, 0, 0)
        case .laneChanged(let lane): self.fold(7, UInt64(lane.index), 0, 0)
        }
    }

    private func number(of item: ItemID) -> UInt64 { item.run.number << 32 | UInt64(item.index) }

    private func number(of verdict: Verdict) -> UInt64 {
        switch verdict {
        case .success(let lease): lease.number
        case .failure(let lease, let causes): lease.number << 8 | UInt64(causes.count)
        case .refused(let refusal): UInt64(refusal.code.rawValue) << 8 | UInt64(refusal.reason.rawValue)
        }
    }

    private mutating func fold(_ words: UInt64...) {
        for word in words { self.report.trace = (self.report.trace ^ word) &* 0x100_0000_01B3 }
    }
}
