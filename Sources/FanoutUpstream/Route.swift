// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// A host and port as connections are shared by.
struct RouteKey: Hashable, Sendable {
    var host: String
    var port: UInt16
    var isSecure: Bool
}

/// What is kept for one host and port: the idle connections and the heads of requests.
final class Route {
    private struct Idle {
        let handler: UpstreamHandler
        let since: Instant
    }

    let key: RouteKey
    /// The proxy that leads there; nil = none.
    let proxy: ProxyAddress?
    /// The longest idle first, since it is a stack.
    private var idle: [Idle] = []
    /// The oldest first; several deployments may share a host.
    private var heads: [RequestHead] = []

    /// Heads that are kept ready; past it the oldest is made anew when it is needed.
    private static let headsMax = 16

    init(key: RouteKey, proxy: ProxyAddress? = nil) {
        self.key = key
        self.proxy = proxy
    }

    /// The proxy that is asked for a tunnel: TLS is spoken with the host itself.
    var tunnel: ProxyAddress? { self.key.isSecure ? self.proxy : nil }

    /// The proxy that is sent the requests themselves.
    var forwarder: ProxyAddress? { self.key.isSecure ? nil : self.proxy }

    /// The way there begins with a name that isn't known.
    func nameUnknown(_ error: NameResolutionError) -> Failure {
        guard let proxy = self.proxy else { return .nameUnknown(self.key, error) }
        return .proxyUnreachable(proxy, to: self.key, causes: "its name can't be resolved: \(error.words)")
    }

    /// The way there can't be gone.
    func connectFailed(_ error: any Error) -> Failure {
        guard let proxy = self.proxy else { return .connectFailed(self.key, error) }
        if let failure = error as? Failure { return failure }
        return .proxyUnreachable(proxy, to: self.key, causes: Failure.causes(of: error))
    }

    /// Idle connections.
    var idleCount: Int { self.idle.count }

    /// When the longest idle became so.
    var idleSince: Instant? { self.idle.first?.since }

    /// The connection that became idle last: it is the least likely to have been closed, and its caches are warm.
    func pop() -> UpstreamHandler? {
        self.idle.popLast()?.handler
    }

    /// Adds a connection; gives the one that has to go for it.
    func push(_ handler: UpstreamHandler, now: Instant, most: Int) -> UpstreamHandler? {
        self.idle.append(Idle(handler: handler, since: now))
        guard self.idle.count > most else { return nil }
        return self.idle.removeFirst().handler
    }

    /// The head of a request.
    func head(of request: ProviderRequest) throws(Failure) -> RequestHead {
        guard !request.isSigned else { return try RequestHead(request, key: self.key, proxy: self.forwarder) }
        for head in self.heads where head.matches(request) { return head }
        let head = try RequestHead(request, key: self.key, proxy: self.forwarder)
        if self.heads.count >= Self.headsMax { self.heads.removeFirst() }
        self.heads.append(head)
        return head
    }

    /// Removes a connection that was lost.
    func remove(_ handler: UpstreamHandler) {
        guard let index = self.idle.firstIndex(where: { $0.handler === handler }) else { return }
        self.idle.remove(at: index)
    }

    /// Removes those that have been idle since `limit` or before.
    func removeIdle(upTo limit: Instant) -> [UpstreamHandler] {
        let count = self.idle.firstIndex { $0.since > limit } ?? self.idle.count
        let removed = self.idle[..<count].map(\.handler)
        self.idle.removeFirst(count)
        return removed
    }
}
