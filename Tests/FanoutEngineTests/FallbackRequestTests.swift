// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutTestKit
import FanoutUpstream
import Testing

@testable import FanoutEngine

/// What a fallback is asked in place of the item's request.
///
/// The number is that of a scenario of LiteLLM's.
@Suite struct FallbackRequestTests {
    private let groups = SampleSnapshot.make([("a", 1), ("b", 1), ("c", 1)])

    private func chat(_ text: String) -> Request {
        Request(model: "", task: .chat(ChatRequest(messages: [Message(role: .user, text: text)])))
    }

    /// The words that each attempt sent.
    private func words(_ kit: EngineKit) -> [String] {
        kit.runner.attempts.map { attempt in
            guard case .chat(let chat)? = attempt.order.request.task else { return "" }
            return chat.messages.map(\.text).joined(separator: "|")
        }
    }

    @Test func `35: a fallback of the request is asked its own messages, the others the item's`() async throws {
        try await EngineKit.run(self.groups) { kit in
            _ = kit.submit(["long"], model: "a") { item in
                item.fallbacks = ["b", "c"]
                item.fallbackRequests = [Item.FallbackRequest(fallback: 1, request: self.chat("short"))]
            }
            for place in 0..<2 { kit.runner.attempts[place].fail(.invalidRequest) }
            #expect(self.words(kit) == ["long", "long", "short"])
            #expect(kit.runner.attempts.map(\.order.endpoint.model) == ["a-0", "b-0", "c-0"])
            kit.runner.attempts[2].succeed()
            #expect(kit.sink.results.first?.trail?.fallbacks == 2)
        }
    }

    @Test func `it has the batch's defaults, as the item's request has`() async throws {
        try await EngineKit.run(self.groups) { kit in
            var defaults = self.chat("be brief")
            defaults.model = "a"
            _ = kit.submit(["long"], model: "", defaults: defaults) { item in
                item.fallbacks = ["b"]
                item.fallbackRequests = [Item.FallbackRequest(fallback: 0, request: self.chat("short"))]
            }
            kit.runner.attempts[0].fail(.invalidRequest)
            #expect(self.words(kit) == ["be brief|long", "be brief|short"])
            #expect(kit.runner.attempts[1].order.request.model == "b")
        }
    }

    @Test func `an item with one shares no answer with an equal item`() async throws {
        try await EngineKit.run(self.groups) { kit in
            var options = BatchOptions()
            options.coalesce = true
            _ = kit.submit(["x", "x"], model: "a", options: options) { item in
                item.fallbacks = ["b"]
                item.fallbackRequests = [Item.FallbackRequest(fallback: 0, request: self.chat("y"))]
            }
            #expect(self.words(kit) == ["x", "x"])
        }
    }

    @Test(arguments: [
        (1, "y", "fallback_requests[0].fallback"), (0, "", "fallback_requests[0].request"),
    ])
    func `one of no fallback, or of another kind, is refused by its place`(
        fallback: UInt32,
        text: String,
        param: String
    ) async throws {
        try await EngineKit.run(self.groups) { kit in
            let embedding = Request(model: "", task: .embedding(EmbeddingRequest(inputs: ["y"])))
            _ = kit.submit(["x"], model: "a") { item in
                item.fallbacks = ["b"]
                item.fallbackRequests = [
                    Item.FallbackRequest(fallback: fallback, request: text.isEmpty ? embedding : self.chat(text))
                ]
            }
            #expect(kit.sink.failure(at: 0)?.code == .invalidRequest && kit.sink.failure(at: 0)?.param == param)
            #expect(kit.runner.attempts.isEmpty)
        }
    }

    @Test func `two of one fallback are refused`() async throws {
        try await EngineKit.run(self.groups) { kit in
            _ = kit.submit(["x"], model: "a") { item in
                item.fallbacks = ["b"]
                let own = Item.FallbackRequest(fallback: 0, request: self.chat("y"))
                item.fallbackRequests = [own, own]
            }
            #expect(kit.sink.failure(at: 0)?.param == "fallback_requests[1].fallback")
        }
    }
}
