// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import FanoutTestKit
import FanoutTokens
import Testing

@testable import FanoutEngine

@Suite struct TokenLearningTests {
    private static let prompt = String(repeating: "some words of a prompt ", count: 20)

    private static func answer(promptTokens: UInt64) -> Response {
        var response = ScriptedRunner.answer("fine")
        response.usage?.promptTokens = promptTokens
        return response
    }

    private static func estimate(_ kit: EngineKit, model: String) -> UInt32 {
        let chat = ChatRequest(messages: [Message(role: .user, text: Self.prompt)])
        return kit.engine.tokens.estimate(.chat(chat), model: model).tokens
    }

    @Test func `each report of usage corrects the estimate of the model that was asked for`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1), ("b", 1)])) { kit in
            let before = Self.estimate(kit, model: "a")
            #expect((60...200).contains(before))
            for number in 0..<30 {
                _ = kit.submit([Self.prompt])
                kit.runner.attempts[number].finish(.success(Self.answer(promptTokens: 300)))
            }
            #expect((270...330).contains(Self.estimate(kit, model: "a")))
            #expect(Self.estimate(kit, model: "b") == before)
        }
    }

    @Test func `a fallback's report says nothing of the model that was asked for`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1), ("b", 1)], fallbacks: ["a": ["b"]])) { kit in
            let before = Self.estimate(kit, model: "a")
            _ = kit.submit([Self.prompt])
            kit.runner.attempts[0].fail(.invalidRequest)
            try #require(kit.runner.attempts.count == 2)
            kit.runner.attempts[1].finish(.success(Self.answer(promptTokens: 3_000)))
            #expect(Self.estimate(kit, model: "a") == before)
        }
    }
}
