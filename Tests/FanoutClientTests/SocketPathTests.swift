// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import Testing

@Suite struct SocketPathTests {
    struct Row: CustomTestStringConvertible {
        var argument: String?
        var environment: [String: String]
        var exists: Set<String> = []
        var path: String
        var testDescription: String { self.path }
    }

    @Test(arguments: [
        Row(argument: "/a", environment: ["FANOUT_SOCKET": "/b"], path: "/a"),
        Row(argument: nil, environment: ["FANOUT_SOCKET": "/b", "XDG_RUNTIME_DIR": "/r"], path: "/b"),
        Row(argument: nil, environment: ["XDG_RUNTIME_DIR": "/r"], exists: ["/r/fanout.sock"], path: "/r/fanout.sock"),
        Row(argument: nil, environment: ["XDG_RUNTIME_DIR": "/r"], path: "/run/fanout/fanout.sock"),
        Row(argument: "", environment: ["FANOUT_SOCKET": ""], path: "/run/fanout/fanout.sock"),
    ])
    func `the argument goes before the environment, and that before the places`(row: Row) {
        let path = SocketPath.resolve(
            row.argument,
            environment: { row.environment[$0] },
            exists: { row.exists.contains($0) }
        )
        #expect(path == row.path)
    }
}
