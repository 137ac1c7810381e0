// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutCredentials
internal import FanoutModel
internal import Logging
internal import NIOCore

/// An attempt that waits for a credential.
protocol CredentialWaiter: AnyObject {
    /// The wait is over.
    func credential(_ result: Result<HeldCredential, Failure>)
}

/// A credential at hand.
struct HeldCredential {
    /// What goes with a request.
    let credential: Credential
    /// Of this fetch; a refusal names it.
    let generation: UInt64
}

/// The credentials that end, each fetched by one flight however many attempts want it.
///
/// Confined to the loop: the shell of one ``CredentialRenewal`` a source.
final class CredentialKeeper {
    /// What who asks does now.
    enum Answer {
        case use(HeldCredential)
        /// ``CredentialWaiter/credential(_:)`` follows, unless the ticket is given back.
        case wait(ticket: UInt64)
        case fail(Failure)
    }

    private final class Entry {
        var renewal = CredentialRenewal()
        var held: Credential?
        var fetch: CredentialFetch?
        var waiting: [UInt64: any CredentialWaiter] = [:]
        var lastFailure: Failure?
    }

    private unowned let runner: HTTPAttemptRunner
    private let logger: Logger
    private var entries: [CredentialSource: Entry] = [:]
    private var lastTicket: UInt64 = 0
    /// Now; a test puts a clock of its own here.
    var now: () -> Instant = AlarmClock.now

    /// Past this many, those without a fetch are forgotten; a reload may bring new ones for ever.
    private static let entriesMax = 1_024
    /// Attempts that wait for one credential; each holds a connection's slot of the router besides.
    private static let waitingMax = 65_536

    init(runner: HTTPAttemptRunner, logger: Logger) {
        self.runner = runner
        self.logger = logger
    }

    /// An attempt wants a credential.
    func ask(_ source: CredentialSource, for waiter: any CredentialWaiter) -> Answer {
        let entry = self.entry(of: source)
        return self.carryOut(entry.renewal.ask(now: self.now()), source, entry, waiter)
    }

    /// The provider has refused a credential; nil = there is no newer one to be had.
    func refused(_ source: CredentialSource, _ generation: UInt64, for waiter: any CredentialWaiter) -> Answer? {
        let entry = self.entry(of: source)
        guard let answer = entry.renewal.refused(generation, now: self.now()) else { return nil }
        return self.carryOut(answer, source, entry, waiter)
    }

    /// An attempt waits no longer.
    func withdraw(_ ticket: UInt64, from source: CredentialSource) {
        self.entries[source]?.waiting[ticket] = nil
    }

    /// Ends every fetch; who waits is told by others.
    func shutDown() {
        for entry in self.entries.values {
            entry.waiting = [:]
            entry.fetch?.abandon()
            entry.fetch = nil
        }
        self.entries = [:]
    }

    private func entry(of source: CredentialSource) -> Entry {
        if let entry = self.entries[source] { return entry }
        if self.entries.count >= Self.entriesMax { self.entries = self.entries.filter { $0.value.renewal.isFetching } }
        let entry = Entry()
        self.entries[source] = entry
        return entry
    }

    private func carryOut(
        _ answer: CredentialRenewal.Answer,
        _ source: CredentialSource,
        _ entry: Entry,
        _ waiter: any CredentialWaiter
    ) -> Answer {
        switch answer {
        case .use(let fetch):
            guard let held = entry.held else { preconditionFailure("\(source.name) is used before it is fetched") }
            let answer = Answer.use(HeldCredential(credential: held, generation: entry.renewal.generation))
            if fetch { self.fetch(source, entry) }
            return answer
        case .wait(let fetch):
            guard entry.waiting.count < Self.waitingMax else { return .fail(.tooManyWait(for: source)) }
            self.lastTicket += 1
            let ticket = self.lastTicket
            entry.waiting[ticket] = waiter
            // In the next turn, so that the ticket is known before the wait can end.
            if fetch { self.runner.eventLoop.assumeIsolated().execute { self.fetch(source, entry) } }
            return .wait(ticket: ticket)
        case .fail(let wait):
            var failure = entry.lastFailure ?? Failure(.unreachable, "there is no token for \(source.name) yet.")
            failure.retryAfterMilliseconds = wait
            return .fail(failure)
        }
    }

    private func fetch(_ source: CredentialSource, _ entry: Entry) {
        guard entry.renewal.isFetching, entry.fetch == nil, self.entries[source] === entry else { return }
        let fetch = CredentialFetch(source, runner: self.runner) { result in
            self.finish(result, source, entry)
        }
        entry.fetch = fetch
        fetch.start()
    }

    private func finish(_ result: Result<FetchedCredential, Failure>, _ source: CredentialSource, _ entry: Entry) {
        entry.fetch = nil
        let fraction = Double.random(in: 0..<1)
        let answer: Result<HeldCredential, Failure>
        switch result {
        case .success(let fetched):
            entry.renewal.fetched(lifeMilliseconds: fetched.lifeMilliseconds, now: self.now(), fraction: fraction)
            entry.held = fetched.credential
            entry.lastFailure = nil
            answer = .success(
                HeldCredential(credential: fetched.credential, generation: entry.renewal.generation)
            )
            self.logger.debug(
                "credential fetched",
                metadata: ["source": "\(source.name)", "life_ms": "\(fetched.lifeMilliseconds)"]
            )
        case .failure(let failure):
            let pause = entry.renewal.failed(
                askedMilliseconds: failure.retryAfterMilliseconds,
                now: self.now(),
                fraction: fraction
            )
            var failure = failure
            failure.retryAfterMilliseconds = pause
            entry.lastFailure = failure
            answer = .failure(failure)
            self.logger.warning(
                "credential could not be fetched",
                metadata: ["source": "\(source.name)", "error": "\(failure.message)", "pause_ms": "\(pause)"]
            )
        }
        let waiting = entry.waiting.sorted { $0.key < $1.key }
        entry.waiting = [:]
        for (_, waiter) in waiting { waiter.credential(answer) }
    }
}
