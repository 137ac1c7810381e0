// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import NIOCore

/// The addresses of names, for a short while; one lookup a name at a time.
///
/// Confined to the loop. Literal addresses need no lookup.
final class NameCache {
    private struct Entry {
        var result: Result<[SocketAddress], NameResolutionError>
        var expires: Instant
    }

    /// Names that are remembered; past it the memory is cleared.
    private static let namesMax = 1_024
    /// Lookups under way; past it more fail at once.
    private static let lookupsMax = 256

    private let eventLoop: any EventLoop
    private let resolver: any NameResolver
    private let settings: UpstreamSettings
    private var entries: [String: Entry] = [:]
    private var waiting: [String: [(Result<[SocketAddress], NameResolutionError>) -> Void]] = [:]

    init(eventLoop: any EventLoop, resolver: any NameResolver, settings: UpstreamSettings) {
        self.eventLoop = eventLoop
        self.resolver = resolver
        self.settings = settings
    }

    /// Whether a host is an IPv4 or IPv6 address and not a name.
    static func isLiteral(_ host: String) -> Bool {
        (try? SocketAddress(ipAddress: host, port: 0)) != nil
    }

    /// Forgets who waits, and everything else.
    func shutDown() {
        self.waiting = [:]
        self.entries = [:]
    }

    /// Gives the addresses, at once where they are known.
    func addresses(
        of host: String,
        port: UInt16,
        _ body: @escaping (Result<[SocketAddress], NameResolutionError>) -> Void
    ) {
        if let literal = try? SocketAddress(ipAddress: host, port: Int(port)) {
            body(.success([literal]))
            return
        }
        // A name has the same addresses at every port, but the addresses carry the port.
        let key = "\(host):\(port)"
        if let entry = self.entries[key], entry.expires > AlarmClock.now() {
            body(entry.result)
            return
        }
        if self.waiting[key] != nil {
            self.waiting[key]?.append(body)
            return
        }
        guard self.waiting.count < Self.lookupsMax else {
            body(.failure(NameResolutionError(words: "\(Self.lookupsMax) lookups are already waiting")))
            return
        }
        self.waiting[key] = [body]
        self.resolver.addresses(of: host, port: port, on: self.eventLoop).assumeIsolated().whenComplete { result in
            self.complete(key, result)
        }
    }

    private func complete(_ key: String, _ result: Result<[SocketAddress], any Error>) {
        let found = result.mapError { error in
            error as? NameResolutionError ?? NameResolutionError(words: "\(error)")
        }
        if self.entries.count >= Self.namesMax { self.entries.removeAll(keepingCapacity: true) }
        var wait = self.settings.nameMilliseconds
        if case .failure = found { wait = self.settings.nameFailureMilliseconds }
        self.entries[key] = Entry(result: found, expires: AlarmClock.now().adding(milliseconds: wait))
        for body in self.waiting.removeValue(forKey: key) ?? [] { body(found) }
    }
}
