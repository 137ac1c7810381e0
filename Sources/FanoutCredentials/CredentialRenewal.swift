// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// When one credential is fetched, renewed, and given up on for a while.
///
/// Two dimensions: what is held (nothing, or a generation until an instant), and whether a fetch is under way. At most
/// one is, whoever asks. What is held is used to its end, so a renewal that fails harms nobody before that. A fetch
/// begins only when somebody asks: a credential that nobody uses is never renewed.
///
/// Nobody waits in here: the shell keeps who does, in the order of their asking.
package struct CredentialRenewal: Sendable {
    /// Bounds, in milliseconds.
    package struct Settings: Sendable, Hashable {
        /// A credential is renewed this long before its end, or when three quarters of its life are over if that is
        /// later.
        package var margin: UInt64 = 300_000
        /// Up to this much earlier still, so that daemons that started together don't ask together; at most a tenth of
        /// the life.
        package var jitter: UInt64 = 60_000
        /// No attempt begins with what ends this soon, since it has to arrive first; at most a tenth of the life.
        package var travel: UInt64 = 10_000
        /// The pause after a first failure.
        package var pause: UInt64 = 1_000
        /// The longest pause.
        package var pauseMax: UInt64 = 60_000
        /// Once a provider's refusal has led to a renewal, another one does so only after this long.
        package var refusalPause: UInt64 = 60_000
        /// What is taken for the life of a credential: a server's word is bounded by it.
        package var life: ClosedRange<UInt64> = 1_000...604_800_000

        /// The defaults.
        package init() {}
    }

    /// What who asks does now; `fetch` = and a fetch begins.
    package enum Answer: Sendable, Hashable {
        /// It uses what is held.
        case use(fetch: Bool)
        /// It waits for the fetch that is under way.
        case wait(fetch: Bool)
        /// There is nothing to use, and no fetch for this many milliseconds.
        case fail(retryAfterMilliseconds: UInt64)
    }

    private struct Held {
        var renewal: Instant
        var end: Instant
    }

    private let settings: Settings
    private var held: Held?
    /// Counts what was fetched; 0 = nothing yet.
    package private(set) var generation: UInt64 = 0
    /// Whether a fetch is under way.
    package private(set) var isFetching = false
    private var failures = 0
    private var nextFetch = Instant.zero
    private var nextRefusal = Instant.zero

    /// Nothing is held.
    package init(settings: Settings = Settings()) {
        self.settings = settings
    }

    /// Somebody wants the credential.
    package mutating func ask(now: Instant) -> Answer {
        guard let held = self.held, now < held.end else { return self.fetch(now: now) }
        guard now >= held.renewal, !self.isFetching, now >= self.nextFetch else { return .use(fetch: false) }
        self.isFetching = true
        return .use(fetch: true)
    }

    /// A provider has refused what was held as `generation`; `nil` = its refusal stands.
    package mutating func refused(_ generation: UInt64, now: Instant) -> Answer? {
        if generation != self.generation { return self.ask(now: now) }
        if self.isFetching { return .wait(fetch: false) }
        guard now >= self.nextRefusal, now >= self.nextFetch else { return nil }
        self.nextRefusal = now.adding(milliseconds: self.settings.refusalPause)
        self.isFetching = true
        return .wait(fetch: true)
    }

    /// The fetch has brought a credential.
    /// - Parameters:
    ///   - lifeMilliseconds: How long it is good for, as the server says.
    ///   - now: The present.
    ///   - fraction: By chance, from 0 up to 1.
    package mutating func fetched(lifeMilliseconds: UInt64, now: Instant, fraction: Double) {
        precondition(self.isFetching, "fetched without a fetch")
        let settings = self.settings
        let life = min(max(lifeMilliseconds, settings.life.lowerBound), settings.life.upperBound)
        let margin = min(settings.margin, life / 4)
        let jitter = UInt64(Double(min(settings.jitter, life / 10)) * min(max(fraction, 0), 1))
        self.held = Held(
            renewal: now.adding(milliseconds: life - margin - jitter),
            end: now.adding(milliseconds: life - min(settings.travel, life / 10))
        )
        self.generation += 1
        self.isFetching = false
        self.failures = 0
        self.nextFetch = .zero
    }

    /// The fetch has failed.
    ///
    /// It doubles with each failure, and half of it is by chance: 0.5–1 s after the first, 1–2 s after the second,
    /// 16–32 s after the sixth, 30–60 s from the seventh on.
    /// - Parameters:
    ///   - askedMilliseconds: What the server asks for; the pause is no shorter, up to five times the longest of ours.
    ///   - now: The present.
    ///   - fraction: By chance, from 0 up to 1.
    /// - Returns: The pause until the next fetch, in milliseconds.
    package mutating func failed(askedMilliseconds: UInt64?, now: Instant, fraction: Double) -> UInt64 {
        precondition(self.isFetching, "a failure without a fetch")
        self.isFetching = false
        let whole = min(self.settings.pause << UInt64(min(self.failures, 16)), self.settings.pauseMax)
        let own = whole / 2 + UInt64(Double(whole / 2) * min(max(fraction, 0), 1))
        let pause = max(own, min(askedMilliseconds ?? 0, self.settings.pauseMax * 5))
        self.failures = min(self.failures + 1, 64)
        self.nextFetch = now.adding(milliseconds: pause)
        return pause
    }

    private mutating func fetch(now: Instant) -> Answer {
        if self.isFetching { return .wait(fetch: false) }
        guard now >= self.nextFetch else {
            return .fail(retryAfterMilliseconds: self.nextFetch.milliseconds(since: now))
        }
        self.isFetching = true
        return .wait(fetch: true)
    }
}
