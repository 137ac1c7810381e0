// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutEngine
import FanoutModel
import FanoutTestKit
import FanoutWire
import Glibc
import NIOCore
import Testing

/// Who is let in, and to what, by what the kernel says of the peer.
@Suite(.serialized, .timeLimit(.minutes(1))) struct TenantTests {
    private func snapshot(_ tenant: String?, _ change: (inout TenantPolicy) -> Void = { _ in }) -> Snapshot {
        var snapshot = SampleSnapshot.make([("a", 1), ("b", 1)])
        guard let tenant else { return snapshot }
        var policy = TenantPolicy()
        change(&policy)
        snapshot.tenants.named[tenant] = policy
        let users: Set<UInt32> = tenant == "nobody" ? [geteuid() + 1] : [geteuid()]
        snapshot.tenants.rules = [TenantPolicies.Rule(tenant: tenant, users: users, groups: [])]
        return snapshot
    }

    private func welcome(_ kit: ServerKit) async throws -> ServerFrame.Welcome? {
        let peer = try await kit.stranger()
        try await peer.send(ClientFrame(id: 0, body: .hello(.init(major: 1, minor: 0, client: "t"))))
        guard case .welcome(let welcome) = try await peer.next()?.body else { return nil }
        try await peer.close()
        return welcome
    }

    private func rejection(_ peer: TestPeer) async throws -> ServerFrame.Rejection? {
        let frames = try await peer.frames { if case .rejected = $0.body { true } else { false } }
        guard case .rejected(let rejection) = frames.last?.body else { return nil }
        return rejection
    }

    @Test func `a rule's name is the tenant, and its models are those that Welcome lists`() async throws {
        try await ServerKit.run(self.snapshot("team") { $0.models = ModelNames(["b"]) }) { kit in
            let welcome = try await self.welcome(kit)
            #expect(welcome?.tenant == "team")
            #expect(welcome?.models == ["b"])
        }
        try await ServerKit.run(self.snapshot(nil)) { kit in
            let welcome = try await self.welcome(kit)
            #expect(welcome?.tenant == "uid:\(geteuid())")
        }
    }

    @Test func `a group of the peer's lets it in, supplementary ones too`() async throws {
        var groups = [gid_t](repeating: 0, count: 256)
        let count = getgroups(CInt(groups.count), &groups)
        let last = count > 0 ? groups[Int(count) - 1] : getegid()
        var snapshot = self.snapshot("nobody")
        snapshot.tenants.rules.append(TenantPolicies.Rule(tenant: "members", users: [], groups: [last]))
        try await ServerKit.run(snapshot) { kit in
            let welcome = try await self.welcome(kit)
            #expect(welcome?.tenant == "members")
        }
    }

    @Test func `whoever no rule matches is told its number and what to ask for`() async throws {
        try await ServerKit.run(self.snapshot("nobody")) { kit in
            let peer = try await kit.stranger()
            let frames = try await peer.frames { _ in false }
            guard case .error(let code, let message, _) = frames.last?.body else {
                Issue.record("no Error: \(frames)")
                return
            }
            #expect(code == .permission)
            #expect(message.contains("no tenant matches user \(geteuid()) ") && message.contains("fanout.tenants"))
        }
    }

    @Test func `a model that isn't the tenant's is refused whether there is one or not`() async throws {
        try await ServerKit.run(self.snapshot("team") { $0.models = ModelNames(["a"]) }) { kit in
            let peer = try await kit.peer()
            try await kit.upstream { $0.onStart = { $0.succeed() } }
            for (id, model) in [(1, "b"), (2, "nowhere")] as [(UInt64, String)] {
                try await peer.send(.chats(id, ["x"], model: model))
                let frames = try await peer.framesThroughSummary(of: id)
                guard
                    case .result(let result) = frames.first(where: { if case .result = $0.body { true } else { false } }
                    )?.body,
                    case .failure(let failure) = result.outcome
                else {
                    Issue.record("no failure: \(frames)")
                    return
                }
                #expect(failure.code == .permission && failure.notStarted)
                #expect(failure.message.contains("fanout.tenants.team.models"))
            }
            try await peer.send(.chats(3, ["x"]))
            _ = try await peer.framesThroughSummary(of: 3)
            #expect(try await kit.upstream { $0.attempts.count } == 1)
            try await peer.close()
        }
    }

    @Test func `a class above the tenant's is refused as a batch`() async throws {
        try await ServerKit.run(self.snapshot("team") { $0.classMax = .standard }) { kit in
            let peer = try await kit.peer()
            var options = BatchOptions()
            options.priorityClass = .interactive
            try await peer.send(.chats(1, ["x"], options: options))
            let rejection = try await self.rejection(peer)
            #expect(rejection?.code == .permission)
            #expect(rejection?.message.contains("fanout.tenants.team.max_class") == true)
            try await peer.close()
        }
    }

    @Test func `a tenant's connections have the bound of its policy`() async throws {
        try await ServerKit.run(self.snapshot("team") { $0.maxConnections = 1 }) { kit in
            let first = try await kit.peer()
            let second = try await kit.stranger()
            let frames = try await second.frames { _ in false }
            guard case .error(let code, let message, let limit) = frames.last?.body else {
                Issue.record("no Error: \(frames)")
                return
            }
            #expect(code == .tooManyConnections && message.contains("'team'") && limit == 1)
            try await first.close()
        }
    }

    @Test func `a reload holds for a live connection from its next batch on`() async throws {
        try await ServerKit.run(self.snapshot("team") { $0.maxConcurrency = 1 }) { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, ["x", "y"]))
            try await kit.waitForAttempts(1)
            let wider = self.snapshot("team") { $0.models = ModelNames(["b"]) }
            try await kit.loop.submit { kit.engine.value.reload(wider, now: Engine.now()) }.get()
            // The bound on what runs has gone at once; the batch keeps the models that it came with.
            try await kit.waitForAttempts(2)
            try await kit.upstream { for attempt in $0.live { attempt.succeed() } }
            let frames = try await peer.framesThroughSummary(of: 1)
            guard case .summary(let summary) = frames.last?.body else { return }
            #expect(summary.succeeded == 2)
            try await peer.send(.chats(2, ["x"]))
            guard case .summary(let refused) = try await peer.framesThroughSummary(of: 2).last?.body else { return }
            #expect(refused.failures == [.permission: 1])
            let closed = self.snapshot("nobody")
            try await kit.loop.submit { kit.engine.value.reload(closed, now: Engine.now()) }.get()
            try await peer.send(.chats(3, ["x"]))
            #expect(try await self.rejection(peer)?.code == .permission)
            try await peer.close()
        }
    }
}
