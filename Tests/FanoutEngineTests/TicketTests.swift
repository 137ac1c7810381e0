// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import FanoutTokens
import FanoutTestKit
import Testing

@testable import FanoutEngine

@Suite struct TicketTests {
    private func ticket(
        _ snapshot: Snapshot,
        _ options: BatchOptions = BatchOptions(),
        _ change: (inout Item) -> Void
    ) throws -> Ticket {
        let chat = ChatRequest(messages: [Message(role: .user, text: "hi")])
        var item = Item(request: Request(model: "a", task: .chat(chat)))
        change(&item)
        let builder = TicketBuilder(snapshot: snapshot, tenant: "uid:1", options: options)
        var tokens = TokenEstimator()
        return try builder.ticket(index: 0, item: item, received: .zero, tokens: &tokens).0
    }

    @Test func `a plain item's ticket has no rare terms`() throws {
        let ticket = try self.ticket(SampleSnapshot.make([("a", 1)])) { _ in }
        #expect(ticket.extras == nil)
        #expect(ticket.flags.isEmpty)
    }

    @Test func `a priority is the item's, the batch's, or as configured`() throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.routing.defaultPriority = 5
        var options = BatchOptions()
        #expect(try self.ticket(snapshot, options) { _ in }.priority == 5)
        #expect(try self.ticket(snapshot, options) { $0.priority = 0 }.priority == 0)
        options.priority = 3
        #expect(try self.ticket(snapshot, options) { _ in }.priority == 3)
        #expect(try self.ticket(snapshot, options) { $0.priority = 0 }.priority == 0)
    }

    @Test func `a region, tags and the wish to try what is cooling reach the router`() throws {
        let ticket = try self.ticket(SampleSnapshot.make([("a", 1)])) { item in
            item.region = "Sweden Central"
            item.tags = ["free"]
            item.triesUnhealthy = true
        }
        #expect(ticket.extras?.region == "swedencentral")
        #expect(ticket.extras?.tags == ["free"])
        #expect(ticket.flags == .triesUnhealthy)
        #expect(try self.ticket(SampleSnapshot.make([("a", 1)])) { $0.tags = ["free"] }.extras?.region == nil)
    }

    @Test func `a batch is told to the router with its bound on money and its tenant's budget`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        let own = Budget(limitNanoUSD: 5_000_000_000, windowMilliseconds: 86_400_000)
        let others = Budget(limitNanoUSD: 1, windowMilliseconds: 1_000)
        snapshot.tenants.named["uid:1"] = TenantPolicy()
        snapshot.tenants.named["uid:1"]?.budget = own
        snapshot.tenants.others = TenantPolicy()
        snapshot.tenants.others?.budget = others
        try await EngineKit.run(snapshot) { kit in
            var options = BatchOptions()
            options.maxCostNanoUSD = 7
            let terms = kit.engine.terms(of: "uid:1", options: options, received: .zero)
            #expect(terms.bounds.budget == own)
            #expect(terms.maxCostNanoUSD == 7)
            #expect(kit.engine.terms(of: "uid:2", options: options, received: .zero).bounds.budget == others)
        }
        try await EngineKit.run(SampleSnapshot.make([("a", 1)])) { kit in
            #expect(kit.engine.terms(of: "uid:1", options: BatchOptions(), received: .zero).bounds.budget == nil)
        }
    }
}
