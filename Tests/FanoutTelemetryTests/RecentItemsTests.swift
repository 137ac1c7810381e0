// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutTelemetry
import Testing

@Suite struct RecentItemsTests {
    private static func item(_ index: UInt32, batch: String = "1/1", tenant: String = "uid:1") -> RecentItems.Item {
        RecentItems.Item(
            tenant: tenant,
            batch: batch,
            index: index,
            model: "m\(index)",
            code: nil,
            ended: .zero,
            trail: Trail()
        )
    }

    @Test func `past the bound the oldest are forgotten`() {
        var recent = RecentItems(countMax: 3)
        for index: UInt32 in 0..<10 { recent.add(Self.item(index)) }
        #expect(recent.count == 3)
        for index: UInt32 in 0..<10 {
            let found = recent.latest(index: index, tenant: nil) { _ in true }
            #expect((found?.model == "m\(index)") == (index >= 7))
        }
    }

    @Test func `long words of failures push out more, and bytes stay within their bound`() {
        var recent = RecentItems(countMax: 1_000, bytesMax: 20_000)
        for index: UInt32 in 0..<100 {
            var item = Self.item(index)
            var attempt = Trail.Attempt()
            attempt.message = String(repeating: "x", count: 4_000)
            item.trail.details = [attempt]
            recent.add(item)
            #expect(recent.bytes <= 20_000)
        }
        #expect(recent.count == 4)
        var huge = Self.item(7)
        huge.model = String(repeating: "x", count: 30_000)
        recent.add(huge)
        #expect(recent.count == 4 && recent.latest(index: 7, tenant: nil) { _ in true } == nil)
    }

    @Test func `the latest of two is found, and nobody finds another tenant's`() {
        var recent = RecentItems()
        recent.add(Self.item(0, batch: "1/1", tenant: "uid:1"))
        recent.add(Self.item(0, batch: "2/1", tenant: "uid:1"))
        recent.add(Self.item(0, batch: "3/1", tenant: "uid:2"))
        #expect(recent.latest(index: 0, tenant: "uid:1") { _ in true }?.batch == "2/1")
        #expect(recent.latest(index: 0, tenant: "uid:1") { $0.batch == "3/1" } == nil)
        #expect(recent.latest(index: 0, tenant: nil) { $0.batch == "3/1" }?.tenant == "uid:2")
    }
}
