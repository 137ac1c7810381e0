// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import NIOCore
import NIOPosix
import Testing

@Suite struct RouterTests {
    @Test func `code on the router's loop calls it without a hop`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let router = Router(snapshot: Bench.snapshot(lanes: [1]), seed: 1, executor: loop.executor)
        let starts = try await loop.submit {
            let opened = router.assumeIsolated { $0.open(RunID(1), RunTerms(tenant: TenantID(0)), now: .zero) }
            let ticket = Ticket(index: 0, group: GroupID(0), needs: .chat, deadline: .never)
            let effects = router.assumeIsolated { $0.submit(RunID(1), [ticket], now: .zero) }
            return opened.count + effects.count
        }.get()
        #expect(starts == 1)
        #expect(await router.counts == (0, 1))
        try await group.shutdownGracefully()
    }
}
