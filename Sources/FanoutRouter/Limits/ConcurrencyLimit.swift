// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// How many attempts a lane is given at once, where nobody has said how many it takes.
///
/// Additive increase and multiplicative decrease, as of TCP's congestion window (RFC 5681) with a round trip being as
/// many answers as may be in flight: doubling for each round trip up to the first overload, then one more for each;
/// near the level that was refused a quarter of that. A decrease takes a tenth, or three tenths where more than a tenth
/// of the last answers were overloads, and only one in a round trip: those that began before it say nothing new. There
/// is no growth while the limit isn't used.
///
/// Two guards beside it, for those who queue instead of refusing. Where the time to first content has doubled against
/// what it was for long, the limit shrinks slowly (Netflix's gradient, with first contents for round trips: the time of
/// a whole answer is that of its length and says nothing). And where twice as many in flight bring hardly more answers
/// a second, twice in a row, the doubling ends (BBR's full pipe).
struct ConcurrencyLimit: Sendable {
    static let start = 8.0
    /// Answers of one reading of the time to first content.
    static let readingMin: UInt32 = 32
    /// First contents that the long view follows.
    static let longMemory = 600.0
    static let tolerance = 2.0
    static let slowness = 4.0
    /// A doubling that takes so many times as long as the one before has brought hardly more.
    static let plateau = 1.6

    private var limit: Double
    private var isSlowStart = true
    /// Attempts in flight when one was refused; infinite = none was lately.
    private var refused = Double.infinity
    /// Leases before this one are of the round trip of the last decrease.
    private var nextCut: UInt64 = 0
    /// Answers of this round trip and the last, and the overloads among them.
    private var answers: (now: Double, before: Double) = (0, 0)
    private var overloads: (now: Double, before: Double) = (0, 0)
    /// The present doubling: where it ends, and since when it goes on; how long the one before took.
    private var doubling: (end: Double, since: Instant, before: UInt64)
    private var plateaus = 0
    private var longFirstContent = 0.0
    private var sum = 0.0
    private var count: UInt32 = 0

    init(ceiling: UInt32) {
        self.limit = min(Self.start, Double(ceiling))
        self.doubling = (2 * self.limit, .never, 0)
    }

    /// Whether it isn't doubling any more.
    var isSettled: Bool { !self.isSlowStart }

    /// The limit in force, from 1 to a ceiling; a ceiling of 0 is kept.
    func value(ceiling: UInt32) -> UInt32 {
        min(ceiling, UInt32(min(max(1, self.limit), 1e9)))
    }

    /// An attempt succeeded; `inFlight` counts it.
    mutating func answered(inFlight: UInt32, ceiling: UInt32, now: Instant) {
        self.note(isOverload: false)
        guard Double(inFlight) >= self.limit / 2, self.limit < Double(ceiling) else { return }
        if self.isSlowStart {
            self.limit += 1
            self.noteDoubling(now: now)
        } else {
            let isNear = self.limit > 0.85 * self.refused && self.limit < 1.1 * self.refused + 1
            self.limit += 1 / (self.limit * (isNear ? Self.slowness : 1))
        }
        self.limit = min(self.limit, Double(ceiling))
    }

    private mutating func noteDoubling(now: Instant) {
        if self.doubling.since == .never { self.doubling.since = now }
        guard self.limit >= self.doubling.end else { return }
        let span = now.nanoseconds(since: self.doubling.since)
        let isPlateau = self.doubling.before > 0 && Double(span) > Self.plateau * Double(self.doubling.before)
        self.plateaus = isPlateau ? self.plateaus + 1 : 0
        if self.plateaus == 2 { self.isSlowStart = false }
        self.doubling = (2 * self.limit, now, span)
    }

    /// The provider has too much to do; `inFlight` counts the attempt that was told so.
    mutating func overloaded(lease: UInt64, inFlight: UInt32, nextLease: UInt64) {
        self.note(isOverload: true)
        guard lease >= self.nextCut else { return }
        self.nextCut = nextLease
        self.isSlowStart = false
        self.refused = min(self.limit, Double(inFlight))
        let share = (self.overloads.now + self.overloads.before) / (self.answers.now + self.answers.before)
        self.limit = max(1, self.refused * (share > 0.1 ? 0.7 : 0.9))
    }

    private mutating func note(isOverload: Bool) {
        if self.answers.now >= self.limit {
            self.answers = (0, self.answers.now)
            self.overloads = (0, self.overloads.now)
        }
        self.answers.now += 1
        if isOverload { self.overloads.now += 1 }
    }

    /// The time to first content of an attempt, in microseconds.
    mutating func firstContent(_ microseconds: UInt32, inFlight: UInt32) {
        self.sum += Double(microseconds)
        self.count += 1
        guard self.count >= Self.readingMin else { return }
        let short = self.sum / Double(self.count)
        let weight = Double(self.count) / Self.longMemory
        self.sum = 0
        self.count = 0
        if self.longFirstContent == 0 {
            self.longFirstContent = short
        } else {
            // Down at once, up slowly: the least is what the provider takes without a queue.
            self.longFirstContent += (short - self.longFirstContent) * (short < self.longFirstContent ? 0.5 : weight)
        }
        let floor = min(Self.start, self.limit)
        guard short > Self.tolerance * self.longFirstContent, Double(inFlight) >= self.limit / 2 else { return }
        self.isSlowStart = false
        let gradient = max(0.5, Self.tolerance * self.longFirstContent / short)
        self.limit = max(floor, self.limit * (0.8 + 0.2 * gradient))
    }
}
