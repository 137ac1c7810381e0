// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutCredentials
internal import FanoutModel
internal import FanoutProviders
internal import NIOCore
internal import NIOPosix

#if canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// One fetch of a credential: the shell of a ``CredentialExchange``, over the runner's own connections.
///
/// Confined to the loop. It ends once, by its own time at the latest.
final class CredentialFetch {
    private let source: CredentialSource
    private let runner: HTTPAttemptRunner
    private var exchange: CredentialExchange
    private var done: ((Result<FetchedCredential, Failure>) -> Void)?
    private var slot: Int32 = -1
    /// What is asked at present.
    private var request: TokenRequest?
    private var route: Route?
    private var opening: ConnectionOpening?
    private var connection: UpstreamHandler?
    private var answer: TokenAnswer?

    init(
        _ source: CredentialSource,
        runner: HTTPAttemptRunner,
        done: @escaping (Result<FetchedCredential, Failure>) -> Void
    ) {
        self.source = source
        self.runner = runner
        self.exchange = CredentialExchange(source)
        self.done = done
    }

    /// Begins; `done` is called once, possibly before this returns.
    func start() {
        self.slot = self.runner.clock.open(self)
        let wait = self.runner.settings.fetchMilliseconds
        self.runner.clock.set(self.slot, AlarmClock.now().adding(milliseconds: wait))
        self.carryOut(self.exchange.begin(wallClockSeconds: Self.wallClock()))
    }

    /// Nobody wants it any more.
    func abandon() {
        self.done = nil
        self.close()
    }

    private static func wallClock() -> Int64 { Int64(time(nil)) }

    private func carryOut(_ step: CredentialExchange.Step) {
        guard self.done != nil else { return }
        switch step {
        case .read(let path, let bytesMax): self.read(path, bytesMax)
        case .send(let request): self.send(request)
        case .ended(let result): self.end(result)
        }
    }

    private func end(_ result: Result<FetchedCredential, Failure>) {
        guard let done = self.done else { return }
        self.done = nil
        self.close()
        done(result)
    }

    private func close() {
        if self.slot >= 0 { self.runner.clock.close(self.slot) }
        self.slot = -1
        self.opening?.abandon()
        self.opening = nil
        self.connection?.abandon()
        self.connection = nil
    }

    // MARK: Files

    /// Reads on a thread: a file may lie on a disk that is slow or far away.
    private func read(_ path: String, _ bytesMax: Int) {
        NIOThreadPool.singleton.runIfActive(eventLoop: self.runner.eventLoop) { SmallFile.bytes(path, bytesMax) }
            .assumeIsolated().whenComplete { result in
                guard self.done != nil else { return }
                let file: Result<[UInt8], FileFault> =
                    switch result {
                    case .success(let file): file
                    case .failure(let error): .failure(.unreadable("\(error)"))
                    }
                self.carryOut(self.exchange.read(file, wallClockSeconds: Self.wallClock()))
            }
    }

    // MARK: Requests

    private func send(_ request: TokenRequest) {
        let address = request.address
        self.request = request
        let route = self.runner.route(
            RouteKey(host: address.host, port: address.port, isSecure: address.isSecure)
        )
        self.route = route
        if let idle = route.pop() {
            self.ask(on: idle)
        } else {
            self.open()
        }
    }

    private func open() {
        guard let route = self.route else { return }
        let opening = ConnectionOpening(route: route, runner: self.runner, user: self)
        self.opening = opening
        opening.start(connectMilliseconds: self.runner.settings.fetchMilliseconds)
    }

    private func ask(on connection: UpstreamHandler) {
        guard let request = self.request, let route = self.route else { return }
        self.connection = connection
        do throws(Failure) {
            let bytes = try self.runner.bytes(of: request, route: route)
            connection.send(bytes, for: self)
        } catch {
            self.end(.failure(self.exchange.unanswered(error)))
        }
    }

    private func fail(_ failure: Failure) {
        self.end(.failure(self.exchange.unanswered(failure)))
    }
}

extension CredentialFetch: ConnectionUser {
    func connected(_ connection: UpstreamHandler) {
        self.opening = nil
        guard self.done != nil else {
            connection.abandon()
            return
        }
        self.ask(on: connection)
    }

    func connectFailed(_ failure: Failure) {
        self.opening = nil
        self.fail(failure)
    }

    func received(_ head: ResponseHead) -> Bool {
        guard self.done != nil, let route = self.route else { return true }
        if let encoding = head.contentEncoding, !encoding.isEmpty, encoding.lowercased() != "identity" {
            self.fail(.encoded(route.key, status: head.status, encoding: encoding))
            return true
        }
        let seconds = UInt64(head.answer.retryAfter).map { min($0, 86_400) }
        self.answer = TokenAnswer(status: head.status, body: [], retryAfterMilliseconds: seconds.map { $0 * 1_000 })
        return false
    }

    func received(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let route = self.route, let count = self.answer?.body.count else { return true }
        guard count + bytes.count <= TokenAnswer.bytesMax else {
            self.fail(.refused(route.key, .bodyTooLarge, bodyBytesMax: TokenAnswer.bytesMax))
            return true
        }
        self.answer?.body.append(contentsOf: bytes)
        return false
    }

    func answered() {
        self.connection = nil
        guard self.done != nil, let answer = self.answer else { return }
        self.answer = nil
        self.carryOut(self.exchange.answered(answer, wallClockSeconds: Self.wallClock()))
    }

    func lostReusedConnection(_ error: (any Error)?) {
        self.connection = nil
        self.open()
    }

    func lostConnection(amidAnswer: Bool, error: (any Error)?) {
        self.connection = nil
        guard let route = self.route else { return }
        self.fail(.connectionLost(route.key, amidAnswer: amidAnswer, streamed: false, error: error))
    }

    func refused(_ refusal: UpstreamConnection.Refusal) {
        self.connection = nil
        guard let route = self.route else { return }
        self.fail(.refused(route.key, refusal, bodyBytesMax: TokenAnswer.bytesMax))
    }
}

extension CredentialFetch: AlarmTarget {
    func alarm(now: Instant) {
        let wait = self.runner.settings.fetchMilliseconds
        self.fail(Failure(.unreachable, "nothing came within \(wait) ms. It is asked again by itself."))
    }

    func shutDown() {
        self.abandon()
    }
}
