// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The rate limits of one lane, or of one account that several lanes share.
///
/// Theory. What an attempt is expected to take is reserved when it starts and corrected when it ends, so a limit is
/// kept by what was promised, not by what was seen too late. The levels are our own count; what a provider says is
/// left can only lower them. What is too big for the moment places a ``Hold``: the level is saved up for it, and
/// others pass only if they don't delay it.
///
/// Dimensions: one ``RateMeter`` for each kind of limit that is known (configured, or told by headers); the rate that
/// refusals have shown, where that is less or nothing is known; what attempts in flight have reserved; what was ever
/// taken (`spent`), by which a header finds out what it can't know of yet.
struct RateGate: Sendable {
    private(set) var meters: InlineArray<4, RateMeter?> = .init(repeating: nil)
    /// What refusals have shown; `nil` = none was, or the rate has outgrown what is known.
    private(set) var learned: LearnedRate?
    /// Leases before this one are of the round trip of the last cut.
    private var nextCut: UInt64 = 0
    /// No attempt from after the last cut (or ever) has been answered otherwise than with a refusal: another refusal
    /// only says that the store isn't back.
    private var isCutFresh = true
    private var bracket = RateBracket()
    private var evidence = RateEvidence()
    /// Whether any limit is known or learned.
    private(set) var isLimited = false
    /// Taken so far, settlements included.
    private(set) var spent = RateCounts.none
    /// Reserved by attempts in flight.
    private(set) var reserved = RateCounts.none
    /// Requests that came back, since their attempts took none.
    private var returned = 0.0
    /// The item that the level is saved up for.
    var hold: Hold?
    /// When an attempt of each class last started, or wanted to; by rank.
    private var classSeen: InlineArray<4, Instant> = .init(repeating: .zero)
    private var hasSeen: InlineArray<4, Bool> = .init(repeating: false)
    /// The most in flight; `nil` = no limit of its own.
    var maxConcurrency: UInt32?
    var inFlight: UInt32 = 0

    /// The head of a queue that is too big for the moment.
    struct Hold: Sendable, Hashable {
        var queue: Slot
        /// Its class: more urgent ones pass.
        var rank: Int
        var cost: RateCounts
        var until: Instant
        /// When another lane would have it; `never` = none would.
        var elsewhere: Instant
    }

    /// What the store of requests had room for when an attempt had taken its own.
    ///
    /// An attempt that took nothing gives back no more than a store would hold that never saw it. What has flowed in
    /// meanwhile, and what others gave back, had less room there.
    struct Room: Sendable {
        /// What had come back until then included.
        var requests = 0.0
    }

    static let classSpan: UInt64 = 60_000_000_000

    // MARK: - Configuration

    /// Takes the configured limits; levels and what headers told are kept.
    ///
    /// Numbers that make no limit (below zero, not a number) are none.
    mutating func configure(_ rates: RateLimits, nextLease: UInt64, now: Instant) {
        for kind in RateKind.all {
            let limit = rates[kind].flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
            if self.meters[kind.rawValue] == nil {
                guard let limit else { continue }
                self.meters[kind.rawValue] = RateMeter(
                    configured: limit,
                    kind: kind,
                    firstLease: nextLease,
                    now: now
                )
            } else if self.meters[kind.rawValue]?.configure(limit, kind: kind, now: now) == false {
                self.meters[kind.rawValue] = nil
            }
        }
        self.noteLimited()
    }

    private mutating func noteLimited() {
        self.isLimited = self.learned != nil || RateKind.all.contains { self.meters[$0.rawValue] != nil }
    }

    // MARK: - Questions

    // They change nothing. Asked in place, as a mutating function is, they cost no copy of all this.

    /// When a cost may be taken, if nothing else is before.
    ///
    /// `headroom` is the share of each limit that is left for others.
    @inline(__always)
    mutating func readyAt(_ cost: RateCounts, headroom: Double = 0, now: Instant) -> Instant {
        guard self.isLimited else { return now }
        var latest = now
        for kind in RateKind.all {
            guard let meter = self.meters[kind.rawValue] else { continue }
            latest = max(latest, meter.readyAt(Double(cost.amount(kind)), headroom: headroom, now: now))
        }
        return self.learned.map { max(latest, $0.readyAt(cost, now: now)) } ?? latest
    }

    /// The same if what attempts in flight have reserved for their answers came back.
    ///
    /// Requests and prompts don't.
    @inline(__always)
    mutating func earliest(_ cost: RateCounts, now: Instant) -> Instant {
        guard self.isLimited else { return now }
        var latest = now
        let back = RateCounts(completion: self.reserved.completion)
        for kind in RateKind.all {
            guard let meter = self.meters[kind.rawValue] else { continue }
            let extra = Double(back.amount(kind))
            latest = max(latest, meter.readyAt(Double(cost.amount(kind)), extra: extra, now: now))
        }
        return self.learned.map { max(latest, $0.readyAt(cost, back: back, now: now)) } ?? latest
    }

    /// Whether a cost may be taken at once by a queue of a class.
    mutating func admits(_ cost: RateCounts, headroom: Double, queue: Slot, rank: Int, now: Instant) -> Bool {
        guard self.isLimited else { return true }
        if let learned = self.learned, !learned.holds(cost, now: now) { return false }
        for kind in RateKind.all {
            guard let meter = self.meters[kind.rawValue] else { continue }
            guard meter.holds(Double(cost.amount(kind)), headroom: headroom, now: now) else { return false }
        }
        return self.passesHold(cost, queue: queue, rank: rank, now: now)
    }

    /// Whether a cost may be taken at an instant beside what the level is saved up for: it will be there all the same.
    mutating func passesHold(_ cost: RateCounts, queue: Slot, rank: Int, now: Instant) -> Bool {
        guard let hold = self.hold, hold.queue != queue, hold.rank <= rank, now < hold.until else { return true }
        for kind in RateKind.all {
            guard let meter = self.meters[kind.rawValue] else { continue }
            let delays = meter.delays(
                Double(hold.cost.amount(kind)),
                at: hold.until,
                by: Double(cost.amount(kind)),
                now: now
            )
            if delays { return false }
        }
        return self.learned?.delays(hold.cost, at: hold.until, by: cost, now: now) != true
    }

    /// Whether its attempts in flight leave a place.
    @inline(__always)
    var hasPlace: Bool { self.maxConcurrency.map { self.inFlight < $0 } ?? true }

    // MARK: - Reservations

    /// An attempt starts; before `pausedUntil` none was allowed.
    ///
    /// Returns its ``Room``, for its end.
    mutating func reserve(_ cost: RateCounts, pausedUntil: Instant, now: Instant) -> Room {
        self.bracket.note(spent: self.spent, span: self.gapMax, pausedUntil: pausedUntil, now: now)
        self.inFlight += 1
        self.reserved = self.reserved + cost
        self.spent = self.spent + cost
        guard self.isLimited else { return Room() }
        for kind in RateKind.all { self.meters[kind.rawValue]?.take(Double(cost.amount(kind)), now: now) }
        self.learned?.take(cost, now: now)
        if let learned = self.learned, let known = self.knownRate(learned.kind), learned.rate >= known {
            self.learned = nil
            self.noteLimited()
        }
        guard let meter = self.meters[RateKind.requests.rawValue] else { return Room() }
        return Room(requests: meter.bucket.room(at: now) + self.returned)
    }

    /// Requests, or tokens, a second that are known to be allowed.
    @inline(__always)
    private func knownRate(_ kind: RateKind) -> Double? { self.meters[kind.rawValue]?.bucket.rate }

    /// How long nothing may start, in nanoseconds, until there was nothing to start.
    @inline(__always)
    private var gapMax: UInt64 {
        let rate = self.learned?.requests ?? self.knownRate(.requests) ?? 3
        return UInt64(max(1e9, 3e9 / max(rate, LearnedRate.slowest)))
    }

    /// An attempt that went alone has been answered: until now nothing else was allowed.
    mutating func endProbe(now: Instant) {
        self.bracket.lastStart = max(self.bracket.lastStart, now)
    }

    /// An attempt has ended: it had reserved `cost` at an instant, with `room`, and took `used`.
    mutating func settle(
        _ cost: RateCounts,
        used: RateCounts,
        lease: UInt64,
        room: Room,
        startedAt: Instant,
        now: Instant
    ) {
        self.inFlight -= 1
        self.reserved = self.reserved - cost
        let difference = used - cost
        self.spent = self.spent + difference
        if lease < self.nextCut { self.bracket.mark = self.bracket.mark + difference }
        if used.requests > 0, lease >= self.nextCut { self.isCutFresh = false }
        guard self.isLimited, difference != .none else { return }
        for kind in RateKind.all {
            // A limit that was learned since knows nothing of the reservation.
            guard let meter = self.meters[kind.rawValue], lease >= meter.firstLease else { continue }
            var amount = Double(difference.amount(kind))
            if kind == .requests, amount < 0 {
                let seconds = Double(now.nanoseconds(since: startedAt)) / 1e9
                let left = room.requests - self.returned - meter.bucket.rate * seconds
                amount = -min(-amount, max(0, left))
                self.returned -= amount
            }
            self.meters[kind.rawValue]?.take(amount, now: now)
        }
        self.learned?.settle(difference, lease: lease, now: now)
    }

    /// A provider said "too many requests" to a lease, which has been settled, and maybe of what; it had reserved `cost`.
    mutating func refuse(
        _ named: ExceededLimit,
        _ cost: RateCounts,
        lease: UInt64,
        nextLease: UInt64,
        now: Instant
    ) {
        guard lease >= self.nextCut else { return }
        // A provider that tells what is left is kept a greater distance from, as long as that helps.
        var helps = false
        for kind in RateKind.all where self.meters[kind.rawValue]?.refuse(now: now) == true { helps = true }
        if helps {
            self.nextCut = nextLease
            return
        }
        if self.isCutFresh { return }
        self.nextCut = nextLease
        self.isCutFresh = true
        let requests = self.bracket.rate(.requests, spent: self.spent, refused: cost, now: now)
        let tokens = self.bracket.rate(.tokens, spent: self.spent, refused: cost, now: now)
        if self.bracket.isExact { self.evidence.take(requests: requests, tokens: tokens) }
        let kind = self.kind(named)
        self.cut(kind, measured: kind == .requests ? requests : tokens, usual: tokens / requests, nextLease, now: now)
        self.bracket = RateBracket(since: now, mark: self.spent, isExact: true, lastStart: now)
    }

    /// What is limited: as the provider says, else as its refusals show, else what was thought before.
    private func kind(_ named: ExceededLimit) -> RateKind {
        switch named {
        case .tokens: .tokens
        case .requests: .requests
        case .concurrency, .unknown: self.evidence.kind ?? self.learned?.kind ?? .requests
        }
    }

    private mutating func cut(
        _ kind: RateKind,
        measured: Double,
        usual tokens: Double,
        _ nextLease: UInt64,
        now: Instant
    ) {
        if self.learned?.kind == kind {
            self.learned?.cut(measured: measured, isExact: self.bracket.measures(now: now), now: now)
            return
        }
        var rate = measured
        if let known = self.knownRate(kind) {
            rate = min(known, self.bracket.measures(now: now) ? rate : max(rate, known * LearnedRate.deepest))
        }
        let usual = kind == .requests ? 1 : tokens
        self.learned = LearnedRate(kind, measured: rate, usual: usual, firstLease: nextLease, now: now)
        self.isLimited = true
    }

    /// Nothing is saved up in a pause that the provider asked for: one request goes when it ends, others at their pace.
    mutating func rest(until end: Instant, now: Instant) {
        let seconds = Double(end.nanoseconds(since: now)) / 1e9
        self.learned?.rest(seconds: seconds, now: now)
        for kind in RateKind.all { self.meters[kind.rawValue]?.rest(seconds: seconds, kind: kind, now: now) }
    }

    // MARK: - Classes

    /// A class has something to start here.
    mutating func see(rank: Int, now: Instant) {
        self.classSeen[rank] = now
        self.hasSeen[rank] = true
    }

    /// The share of each limit that a class leaves to more urgent ones that had traffic in the last minute.
    @inline(__always)
    mutating func headroom(rank: Int, classes: [ClassSettings], now: Instant) -> Double {
        var share = 0.0
        for other in 0..<min(rank, classes.count) where self.hasSeen[other] {
            if now.nanoseconds(since: self.classSeen[other]) < Self.classSpan { share += classes[other].floor }
        }
        return share
    }

    /// When the headroom that a class leaves becomes less by itself; `never` = there is none.
    func headroomEnds(rank: Int, classes: [ClassSettings], now: Instant) -> Instant {
        var end = Instant.never
        for other in 0..<min(rank, classes.count) where self.hasSeen[other] && classes[other].floor > 0 {
            let last = self.classSeen[other].adding(nanoseconds: Self.classSpan)
            if last > now { end = min(end, last) }
        }
        return end
    }

    // MARK: - Headers

    /// What a provider said with the answer to a lease, which began when `mark` had been spent.
    ///
    /// Returns whether a limit was learned that wasn't known before.
    mutating func reconcile(
        _ report: RateReport,
        lease: UInt64,
        startedAt: Instant,
        mark: RateCounts,
        now: Instant
    ) -> Bool {
        var isNew = false
        for kind in RateKind.all where !report[kind].isEmpty {
            let said = RateMeter.Said(
                meter: report[kind],
                kind: kind,
                lease: lease,
                startedAt: startedAt,
                spentSince: Double(max(0, self.spent.amount(kind) - mark.amount(kind)))
            )
            if self.meters[kind.rawValue] != nil {
                self.meters[kind.rawValue]?.reconcile(said, now: now)
            } else if let meter = RateMeter(said, now: now) {
                self.meters[kind.rawValue] = meter
                isNew = true
            }
        }
        if isNew {
            // What the provider says of itself is better than what its refusals have shown.
            self.learned = nil
            self.noteLimited()
        }
        return isNew
    }
}
