// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

/// Rates, windows, regions, budgets and accounts.
@Suite struct LimitTests {
    private func small(_ params: String, _ rest: String = "", _ tail: String = "") throws -> Deployment {
        try load(
            "model_list:\n  - model_name: small\n    litellm_params: {\(params)}\n\(rest)" + tail,
            ["OPENAI_API_KEY": "k"]
        ).small()
    }

    @Test func `the parameters' rates win over the entry's, and those over the model's`() throws {
        let all = "    rpm: 2\n    tpm: 20\n    model_info: {rpm: 3, tpm: 30}\n"
        let own = try self.small("model: openai/m, rpm: 1, tpm: 10", all)
        #expect(own.requestsPerMinute == 1 && own.tokensPerMinute == 10)
        let top = try self.small("model: openai/m", all)
        #expect(top.requestsPerMinute == 2 && top.tokensPerMinute == 20)
        let info = try self.small("model: openai/m", "    model_info: {rpm: 3, tpm: 30}\n")
        #expect(info.requestsPerMinute == 3 && info.tokensPerMinute == 30)
        let none = try self.small("model: openai/m, rpm: 0, tpm: 0")
        #expect(none.requestsPerMinute == nil && none.tokensPerMinute == nil)
    }

    private static let azure = "model: azure/m, api_base: \"https://x.openai.azure.com\", api_version: v, api_key: k"

    @Test func `azure's limit of requests follows from that of tokens`() throws {
        #expect(try self.small(Self.azure + ", tpm: 120000").requestsPerMinute == 720)
        #expect(try self.small(Self.azure + ", tpm: 100").requestsPerMinute == 1)
        #expect(try self.small(Self.azure + ", tpm: 120000, rpm: 5").requestsPerMinute == 5)
        #expect(try self.small(Self.azure).requestsPerMinute == nil)
        #expect(try self.small("model: openai/m, tpm: 120000").requestsPerMinute == nil)
        let weights = "fanout: {limits: weights_only}\n"
        #expect(try self.small(Self.azure + ", tpm: 120000", "", weights).requestsPerMinute == nil)
    }

    @Test func `azure's limit isn't derived where it would take all weight from others`() throws {
        let other = "  - {model_name: small, litellm_params: {model: openai/m, tpm: 5}}\n"
        #expect(try self.small(Self.azure + ", tpm: 120000", other).requestsPerMinute == nil)
    }

    @Test func `no limit on concurrency is derived from rates`() throws {
        #expect(try self.small("model: openai/m, rpm: 10, tpm: 1000").maxConcurrency == nil)
    }

    @Test(arguments: [
        ("model: openai/gpt-4o", "", 128_000),
        ("model: openai/gpt-4o-2024-08-06", "", 128_000),
        ("model: \"openai/ft:gpt-4o-mini:acme\"", "", 128_000),
        ("model: openai/gpt-4o", "    model_info: {max_input_tokens: 9}\n", 9),
        ("model: openai/mine", "    model_info: {base_model: openai/gpt-4}\n", 8_192),
        ("model: openai/mine, base_model: gpt-4.1", "", 1_047_576),
        ("model: openai/mine", "", nil),
        ("model: openai/gpt-4o-2024", "", nil),
        ("model: hosted_vllm/gpt-4o, api_base: http://h/v1", "", nil),
    ])
    func `a window is what the file says, or is known of the model`(
        params: String,
        rest: String,
        window: UInt32?
    ) throws {
        #expect(try self.small(params, rest).contextWindow == window)
    }

    @Test(arguments: [
        ("region_name: EU", "eu"), ("aws_region_name: us-east-1", "us-east-1"),
        ("vertex_location: europe-west4", "europe-west4"), ("region_name: Sweden Central", "swedencentral"),
        ("aws_region_name: us-east-1, region_name: eu", "eu"), ("weight: 1", nil),
    ])
    func `a region is where LiteLLM's keys say`(params: String, region: String?) throws {
        #expect(try self.small("model: openai/m, " + params).region == region)
    }

    @Test(arguments: [
        (
            "model: openai/gpt-4o", "",
            Price(promptToken: 2.5 / 1e6, completionToken: 10 / 1e6, cachedPromptToken: 1.25 / 1e6)
        ),
        (
            "model: openai/gpt-4o, input_cost_per_token: 0", "    model_info: {output_cost_per_token: 1}\n",
            Price(promptToken: 0, completionToken: 1, cachedPromptToken: 1.25 / 1e6)
        ),
        ("model: openai/mine, cache_read_input_token_cost: 1", "", nil),
        ("model: openai/mine", "", nil), ("model: hosted_vllm/gpt-4o, api_base: http://h/v1", "", nil),
    ])
    func `a price is what the file says, over what is known of the model`(
        params: String,
        rest: String,
        price: Price?
    ) throws {
        #expect(try self.small(params, rest).price == price)
    }

    @Test(arguments: [
        ("30s", 30_000), ("12h", 43_200_000), ("1d", 86_400_000), ("2w", 1_209_600_000), ("1mo", 2_592_000_000),
        ("90", 90_000),
    ])
    func `a deployment's budget is a sum for a span of time`(span: String, window: UInt64) throws {
        let priced = "input_cost_per_token: 1, output_cost_per_token: 1"
        let deployment = try self.small("model: openai/m, \(priced), max_budget: 0.5, budget_duration: \(span)")
        #expect(deployment.budget == Budget(limitNanoUSD: 500_000_000, windowMilliseconds: window))
    }

    @Test func `budgets of callers are in the snapshot by name`() throws {
        let loaded = try load(
            """
            model_list: [{model_name: small, litellm_params: {model: simulated/m}}]
            fanout:
              tenants:
                uid:1000: {max_budget: 2, budget_duration: 1d}
                default: {max_budget: 1, budget_duration: 1h}
            """
        )
        #expect(loaded.lines == [])
        let tenants = loaded.snapshot.tenants
        #expect(tenants.named["uid:1000"]?.budget?.limitNanoUSD == 2_000_000_000)
        #expect(tenants.others?.budget?.windowMilliseconds == 3_600_000)
    }

    // MARK: Accounts

    private static let accounts = """
        credential_list: [{credential_name: second, credential_values: {api_key: sk-two}}]
        model_list:
          - {model_name: a, litellm_params: {model: openai/m, api_key: sk-one}}
          - {model_name: b, litellm_params: {model: openai/n, api_key: sk-one}}
          - {model_name: c, litellm_params: {model: groq/m, api_key: sk-one}}
          - {model_name: d, litellm_params: {model: openai/m, litellm_credential_name: second}}
          - {model_name: e, litellm_params: {model: openai/m}}
          - {model_name: f, litellm_params: {model: simulated/m}}

        """

    private func places(_ accounts: String) throws -> [Int?] {
        let loaded = try load(Self.accounts + "fanout: {accounts: [\(accounts)]}\n", ["OPENAI_API_KEY": "sk-env"])
        #expect(loaded.lines == [])
        return loaded.snapshot.deployments.map(\.account)
    }

    @Test func `deployments of one key share an account`() throws {
        #expect(try self.places("{api_key: sk-one, rpm: 1}") == [0, 0, 0, nil, nil, nil])
        #expect(try self.places("{api_key: sk-one, provider: groq, rpm: 1}") == [nil, nil, 0, nil, nil, nil])
        #expect(try self.places("{credential_name: second, rpm: 1}") == [nil, nil, nil, 0, nil, nil])
        #expect(try self.places("{provider: openai, rpm: 1}") == [nil, nil, nil, nil, 0, nil])
        #expect(
            try self.places(
                "{api_key: sk-one, provider: openai, rpm: 1}, {name: x, api_key: sk-one, provider: groq, tpm: 1}"
            ) == [0, 0, 1, nil, nil, nil]
        )
    }

    @Test func `an account has its limits and a name that is never its key`() throws {
        let yaml =
            Self.accounts
            + "fanout: {accounts: [{api_key: sk-one, rpm: 60, tpm: 7, itpm: 5, otpm: 2, max_parallel_requests: 3}]}\n"
        let loaded = try load(yaml, ["OPENAI_API_KEY": "sk-env"])
        let account = try #require(loaded.snapshot.accounts.first)
        #expect(account.name == "account 1")
        #expect(account.rates.requestsPerMinute == 60 && account.rates.tokensPerMinute == 7)
        #expect(account.rates.promptTokensPerMinute == 5 && account.rates.completionTokensPerMinute == 2)
        #expect(account.maxConcurrency == 3)
        #expect(!"\(account)".contains("sk-one"))
        let wrong = errors(Self.accounts + "fanout: {accounts: [{api_key: sk-one, rpm: x, name: {a: sk-one}}]}\n")
        #expect(wrong.count == 3 && wrong.allSatisfy { !$0.contains("sk-") }, "\(wrong)")
    }

    @Test func `there are only so many accounts`() {
        let rows = (0...1_000).map { "{name: n\($0), api_key: k\($0), rpm: 1}" }.joined(separator: ", ")
        let found = errors(oneModel + "fanout: {accounts: [\(rows)]}\n")
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix("fanout.accounts[1000]: at most 1000 accounts are taken") == true, "\(found)")
    }
}
