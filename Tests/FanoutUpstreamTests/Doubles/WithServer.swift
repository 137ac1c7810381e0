// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import NIOSSL

@testable import FanoutUpstream

/// A server and a runner, for the time of one test.
func withServer(
    _ scripts: [[ScriptedServer.Step]],
    tls: NIOSSLContext? = nil,
    trust: String? = nil,
    settings: UpstreamSettings = UpstreamSettings(),
    resolver: any NameResolver = SystemNameResolver(threadCount: 2),
    _ body: (ScriptedServer, Bench) async throws -> Void
) async throws {
    let server = try await ScriptedServer(scripts, tls: tls)
    let bench = Bench(settings: settings, trust: trust, resolver: resolver)
    do {
        try await body(server, bench)
    } catch {
        try? await bench.stop()
        try? await server.stop()
        throw error
    }
    try await bench.stop()
    try await server.stop()
}

extension Timeouts {
    /// Everything off but what is given.
    static func only(
        connect: UInt64 = 0,
        headers: UInt64 = 0,
        firstContent: UInt64 = 0,
        idle: UInt64 = 0,
        total: UInt64 = 0
    ) -> Timeouts {
        var timeouts = Timeouts()
        timeouts.connect = connect
        timeouts.headers = headers
        timeouts.firstContent = firstContent
        timeouts.idle = idle
        timeouts.total = total
        return timeouts
    }
}
