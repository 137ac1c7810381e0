// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

/// One file with every routing key of LiteLLM's, and what becomes of it.
@Suite struct EveryKeyTests {
    private func loaded() throws -> LoadedConfiguration { try load(everyRoutingKey, everyVariable) }

    @Test func `it loads without a warning`() throws {
        #expect(try self.loaded().lines == [])
    }

    @Test func `each key without an effect has one warning, with its reason`() throws {
        let lines = try load(everyRoutingKey + everyIgnoredKey, everyVariable).lines
        #expect(lines.count == 15)
        #expect(lines.allSatisfy { $0.contains(": warning: router_settings.") && $0.contains(": has no effect: ") })
    }

    @Test func `the groups are those of the list, the pattern, and the models that the file names`() throws {
        let snapshot = try self.loaded().snapshot
        #expect(
            Set(snapshot.names.keys) == [
                "chat", "small", "large", "gpt", "hidden-gpt", "o", "openai/o3", "openai/gpt-4.1",
                "openai/gpt-4.1-mini", "cheap", "ranked",
            ]
        )
        #expect(snapshot.patterns.map(\.name) == ["openai/*"])
    }

    @Test func `deployments have their limits, windows, regions, budgets and policies`() throws {
        let loaded = try self.loaded()
        let chat = try loaded.deployments("chat")
        #expect(chat.count == 3)
        #expect(chat.map { $0.endpoint.headers.map(\.value.revealed) } == [["org-1"], ["org-2"], []])
        #expect(chat.map(\.requestsPerMinute) == [500, 500, 300])
        #expect(chat.map(\.tokensPerMinute) == [90_000, 90_000, 60_000])
        #expect(chat[0].promptTokensPerMinute == 80_000)
        #expect(chat[0].completionTokensPerMinute == 10_000)
        #expect(chat.map(\.contextWindow) == [128_000, 128_000, 128_000])
        #expect(chat.map(\.region) == ["us", "us", "swedencentral"])
        #expect(chat[0].budget == Budget(limitNanoUSD: 25_000_000_000, windowMilliseconds: 86_400_000))
        #expect(chat[0].allowedFailsPolicy?.rateLimit == 100)
        #expect(chat[0].allowedFailsPolicy?.timeout == 2)
        #expect(chat[0].cooldownMilliseconds == 30_000)
        #expect(chat[2].cooldownMilliseconds == 10_000)
        #expect(chat[2].budget == nil)
        let any = try #require(loaded.snapshot.deployments.last)
        #expect(any.endpoint.model == "*" && any.servesAnyModel && any.region == "eu-central-1")
        #expect(any.contextWindow == nil)
    }

    @Test func `the router's settings are all in the snapshot`() throws {
        let loaded = try self.loaded()
        let routing = loaded.snapshot.routing
        #expect(routing.strategy == .latencyBased)
        #expect(routing.strategyArguments.ttlMilliseconds == 600_000)
        #expect(routing.strategyArguments.lowestLatencyBuffer == 0.2)
        #expect(routing.strategyArguments.maxLatencyListSize == 20)
        #expect(routing.strategyArguments.firstContentPercentile == 0.9)
        #expect(routing.retries == 2 && routing.attemptsMax == 7 && routing.maxFallbacks == 3)
        #expect(routing.retryPolicy?.badRequest == 0 && routing.retryPolicy?.others == 1)
        #expect(routing.allowedFailsPolicy?.authentication == 0)
        #expect(routing.allowedFailsPolicy?.internalServer == 10)
        #expect(routing.allowedFails == 4 && routing.cooldownMilliseconds == 15_000 && !routing.disablesCooldowns)
        #expect(routing.retryAfterMilliseconds == 1_000)
        #expect(routing.laneConcurrency == 50 && routing.daemonConcurrency == 1_000)
        #expect(routing.defaultPriority == 7)
        #expect(routing.checksBeforeCall && routing.enforcesRates)
        #expect(routing.tagFiltering == nil)
        #expect(
            routing.providerBudgets == [
                "openai": Budget(limitNanoUSD: 50_000_000_000, windowMilliseconds: 86_400_000),
                "azure": Budget(limitNanoUSD: 10_000_000_000, windowMilliseconds: 43_200_000),
            ]
        )
        #expect(
            routing.tagBudgets == ["paid": Budget(limitNanoUSD: 100_000_000_000, windowMilliseconds: 2_592_000_000)]
        )
        #expect(routing.timeouts.total == 120_000 && routing.timeouts.idle == 30_000)
    }

    @Test func `what is said by group is with its group`() throws {
        let loaded = try self.loaded()
        var filtering = TagFiltering()
        filtering.matchesAny = false
        filtering.prefix = "route:"
        #expect(try loaded.group("chat").tagging == .on(filtering))
        #expect(try loaded.group("small").tagging == nil)
        #expect(try loaded.group("small").strategy == .costBased)
        #expect(try loaded.group("large").strategyArguments?.ttlMilliseconds == 60_000)
        #expect(try loaded.group("chat").strategy == nil)
        #expect(try loaded.group("small").retryPolicy?.rateLimit == 4)
        #expect(try loaded.group("openai/o3").retryPolicy?.timeout == 0)
        #expect(try loaded.group("large").retryPolicy == nil)
        #expect(try loaded.names(loaded.group("chat").fallbacks) == ["small", "openai/gpt-4.1-mini"])
        #expect(try loaded.names(loaded.group("openai/o3").fallbacks) == ["large"])
        #expect(try loaded.names(loaded.group("small").contextWindowFallbacks) == ["large"])
        #expect(try loaded.names(loaded.group("chat").contextWindowFallbacks) == ["large"])
        #expect(try loaded.names(loaded.group("large").contextWindowFallbacks) == ["openai/gpt-4.1"])
        #expect(try loaded.names(loaded.group("chat").contentPolicyFallbacks) == ["large"])
        #expect(try loaded.group("cheap").servedBy == loaded.snapshot.names["small"])
        #expect(try loaded.names(loaded.group("cheap").fallbacks) == ["large"])
        #expect(try loaded.group("ranked").servedBy == loaded.snapshot.names["chat"])
        #expect(try loaded.names(loaded.group("ranked").fallbacks) == ["large", "small", "openai/gpt-4.1-mini"])
    }
}
