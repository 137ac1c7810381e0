// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// An ``Experiment`` under way.
struct ExperimentRun: ~Copyable {
    /// What happens at an instant; `number` is a load's, a lane's, a reload's, a cancel's or an attempt's.
    struct Event {
        enum Kind: UInt8 {
            case arrive
            case change
            case consume
            case reload
            case cancel
            case headers
            case firstContent
            case end
        }
        var at: Instant
        var order: UInt64
        var kind: Kind
        var number: Int
        /// Of an attempt: it is void if the place holds another one by now.
        var lease = LeaseID(0)
    }

    /// One attempt at its provider.
    struct Attempt {
        var lease: LeaseID
        var call: Int
        var lane: Int
        var prompt: UInt32
        var completion: UInt32
        var begins: Instant
        /// Taken in by the provider: it has a place there, and will be charged.
        var isAdmitted = false
        var rates = RateReport()
        var firstContent: UInt64 = 0
        var whole: UInt64 = 0
        var outcome = Outcome(code: nil)
    }

    struct LoadState {
        var generator: SplitMix64
        var firstRun: UInt64
        var nextRun = 0
        var nextIndex: [UInt32]
        /// Of what isn't decided, and of what will come in this event.
        var owed = 0
    }

    struct ProviderState {
        var provider: SimulatedProvider
        var generator: SplitMix64
        var inFlight = 0
        var fault: SimulatedProvider.Fault?
        var faultShare = 1.0
        var changes: [SimulatedProvider.Change]
        /// Whose limits it uses.
        var limits: Int
    }

    let experiment: Experiment
    let end: Instant
    var core: RouterCore
    var report = ExperimentReport()
    var now = Instant.zero
    var effects: [Effect] = []
    var events: [Event] = []
    var nextOrder: UInt64 = 0
    var wakeUp = Instant.never
    var providers: [ProviderState] = []
    var limits: [StrictLimits] = []
    var loads: [LoadState] = []
    /// Rows of the report by run and index.
    var rows: [[Int]] = []
    var loadOfRun: [Int] = []
    var attempts: [Attempt] = []
    var freeAttempts: [Int] = []
    var attemptOf: [LeaseID: Int] = [:]
    /// How attempts failed, for verdicts that name them.
    var lastCodes: [LeaseID: FailureCode] = [:]

    init(_ experiment: Experiment, end: Instant) {
        self.experiment = experiment
        self.end = end
        self.core = RouterCore(snapshot: experiment.snapshot, seed: experiment.seed)
        self.report.loads = experiment.loads
        var seeds = SplitMix64(seed: experiment.seed)
        for (lane, provider) in experiment.providers.enumerated() {
            self.providers.append(
                ProviderState(
                    provider: provider,
                    generator: SplitMix64(seed: seeds.next()),
                    fault: provider.fault,
                    faultShare: provider.faultShare,
                    changes: provider.changes.sorted { $0.milliseconds < $1.milliseconds },
                    limits: Int(provider.sharesLimitsOf?.index ?? UInt32(lane))
                )
            )
            self.limits.append(StrictLimits(provider.rates, burstSeconds: provider.burstSeconds))
            self.report.limits.append([(0, provider.rates)])
            self.report.shares.append(Int(provider.sharesLimitsOf?.index ?? UInt32(lane)))
            self.report.others.append([])
        }
        for load in experiment.loads {
            self.loads.append(
                LoadState(
                    generator: SplitMix64(seed: seeds.next()),
                    firstRun: UInt64(self.rows.count + 1),
                    nextIndex: Array(repeating: 0, count: max(1, load.runs))
                )
            )
            for _ in 0..<max(1, load.runs) {
                self.rows.append([])
                self.loadOfRun.append(self.loads.count - 1)
            }
        }
    }

    mutating func run() {
        self.openAll()
        while let event = self.next() {
            self.report.events += 1
            if let event { self.step(event) } else { self.core.tick(now: self.now, into: &self.effects) }
            self.perform()
            if self.experiment.checkEvery > 0, self.report.events % self.experiment.checkEvery == 0 {
                let faults = self.core.invariants()
                precondition(faults.isEmpty, "\(faults)")
            }
        }
        self.report.end = min(self.end, self.now).nanoseconds
    }

    private mutating func openAll() {
        for (index, load) in self.experiment.loads.enumerated() {
            for run in 0..<max(1, load.runs) {
                var terms = RunTerms(tenant: TenantID(load.tenant), priorityClass: load.priorityClass)
                terms.maxConcurrency = load.maxConcurrency
                let id = RunID(self.loads[index].firstRun + UInt64(run))
                self.core.open(id, terms, now: self.now, into: &self.effects)
            }
            self.plan(.arrive, index, at: Instant.zero.adding(milliseconds: load.fromMilliseconds))
        }
        for (lane, state) in self.providers.enumerated() {
            for change in state.changes {
                self.plan(.change, lane, at: Instant.zero.adding(milliseconds: change.milliseconds))
            }
            self.planConsumer(lane)
        }
        for (index, reload) in self.experiment.reloads.enumerated() {
            self.plan(.reload, index, at: Instant.zero.adding(milliseconds: reload.milliseconds))
        }
        for (index, cancel) in self.experiment.cancels.enumerated() {
            self.plan(.cancel, index, at: Instant.zero.adding(milliseconds: cancel.milliseconds))
        }
        self.perform()
    }

    private mutating func step(_ event: Event) {
        switch event.kind {
        case .arrive: self.arrive(event.number)
        case .change: self.change(event.number)
        case .consume: self.consume(event.number)
        case .reload:
            self.core.reload(
                self.experiment.reloads[event.number].snapshot,
                now: self.now,
                into: &self.effects
            )
        case .cancel:
            let cancel = self.experiment.cancels[event.number]
            let run = RunID(self.loads[cancel.load].firstRun)
            self.core.cancel(run, items: [cancel.index], reason: .client, now: self.now, into: &self.effects)
        case .headers: self.sendHeaders(event)
        case .firstContent:
            guard self.attempts[event.number].lease == event.lease else { return }
            _ = self.core.firstContent(event.lease, now: self.now, into: &self.effects)
        case .end: self.end(event)
        }
    }

    // MARK: - Time

    mutating func plan(_ kind: Event.Kind, _ number: Int, at instant: Instant, lease: LeaseID = LeaseID(0)) {
        self.nextOrder += 1
        self.events.append(Event(at: instant, order: self.nextOrder, kind: kind, number: number, lease: lease))
        var child = self.events.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.isBefore(self.events[child], self.events[parent]) else { break }
            self.events.swapAt(child, parent)
            child = parent
        }
    }

    /// The next event, `.some(nil)` for a tick that the core asked for, `nil` at the end.
    private mutating func next() -> Event?? {
        let instant = min(self.wakeUp, self.events.first?.at ?? .never)
        guard instant != .never, instant < self.end else {
            self.now = instant == .never ? self.now : self.end
            return nil
        }
        self.now = max(self.now, instant)
        if self.wakeUp <= instant {
            self.wakeUp = .never
            return .some(nil)
        }
        let first = self.events[0]
        let last = self.events.removeLast()
        if !self.events.isEmpty {
            self.events[0] = last
            self.sink()
        }
        return first
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < self.events.count else { return }
            if child + 1 < self.events.count, Self.isBefore(self.events[child + 1], self.events[child]) { child += 1 }
            guard Self.isBefore(self.events[child], self.events[parent]) else { return }
            self.events.swapAt(child, parent)
            parent = child
        }
    }

    private static func isBefore(_ left: Event, _ right: Event) -> Bool {
        left.at == right.at ? left.order < right.order : left.at < right.at
    }
}
