// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// What providers and models take, as the catalogue has it.
@Suite struct ParametersTests {
    /// A request that asks for one parameter, and nothing else.
    static func request(asking parameter: Parameters) -> Request {
        if parameter == .dimensions || parameter == .inputType {
            var embedding = EmbeddingRequest(inputs: ["i"])
            if parameter == .dimensions { embedding.dimensions = 8 } else { embedding.inputType = "query" }
            return Request(model: "g", task: .embedding(embedding))
        }
        return .text { chat in
            switch parameter {
            case .temperature: chat.sampling.temperature = 0.5
            case .topP: chat.sampling.topP = 0.5
            case .topK: chat.sampling.topK = 5
            case .stop: chat.sampling.stop = ["x"]
            case .seed: chat.sampling.seed = 1
            case .presencePenalty: chat.sampling.presencePenalty = 1
            case .frequencyPenalty: chat.sampling.frequencyPenalty = 1
            case .logprobs: chat.topLogprobs = 2
            case .choices: chat.choices = 2
            case .parallelCalls: (chat.tools, chat.parallelToolCalls) = ([Tool(name: "a")], false)
            case .severalTools:
                (chat.tools, chat.toolChoice) = ([Tool(name: "a"), Tool(name: "b")], .named(["a", "b"]))
            case .jsonMode: chat.responseFormat = .json
            case .jsonSchema:
                chat.responseFormat = .schema(.init(name: "s", json: Array(#"{"type":"object"}"#.utf8)))
            case .user: chat.user = "u"
            case .serviceTier: chat.serviceTier = "flex"
            default:
                var reasoning = ReasoningOptions()
                if parameter == .effort { reasoning.effort = "low" } else { reasoning.budgetTokens = 2_048 }
                chat.reasoning = reasoning
            }
        }
    }

    /// Whether a request is written for an endpoint rather than refused as nothing that it takes.
    static func isTaken(_ request: Request, at endpoint: Endpoint) -> Bool {
        do throws(Failure) {
            _ = try Translator.encode(request, for: endpoint, stream: false)
            return true
        } catch {
            return error.code != .unsupportedParameter
        }
    }

    @Test(arguments: Parameters.names.map(\.parameter))
    func `what a request asks for is found, and one parameter at a time`(parameter: Parameters) {
        #expect(Parameters.asked(by: Self.request(asking: parameter)) == parameter)
        #expect(Parameters.asked(by: .text()).isEmpty)
    }

    static let known = ProviderCatalogue.entries.filter { [.openAI, .anthropic].contains($0.format) }

    @Test(arguments: known.map(\.name), Parameters.names.map(\.parameter))
    func `a parameter is written where it is taken, and otherwise refused by name or dropped`(
        provider: String,
        parameter: Parameters
    ) throws {
        let entry = try #require(ProviderCatalogue.entry(named: provider))
        let request = Self.request(asking: parameter)
        if case .embedding? = request.task, !entry.offers.contains(.embedding) { return }
        let endpoint = Endpoint.of(provider)
        let name = try #require(Parameters.names.first { $0.parameter == parameter }).name
        if entry.takes.contains(parameter) {
            var plain = request
            if case .chat(let chat)? = request.task { plain = .text { [tools = chat.tools] in $0.tools = tools } }
            if case .embedding? = request.task {
                plain = Request(model: "g", task: .embedding(EmbeddingRequest(inputs: ["i"])))
            }
            let (asked, unasked) = (try encoded(request, for: endpoint), try encoded(plain, for: endpoint))
            #expect(asked != unasked)
        } else {
            let refusal = #expect(throws: Failure.self) { try encoded(request, for: endpoint) }
            #expect(refusal?.code == .unsupportedParameter && refusal?.param == name)
            let dropping = Endpoint.of(provider) { $0.dropsUnsupported = true }
            #expect(Parameters.asked(by: request) == parameter)
            #expect(throws: Never.self) { try encoded(request, for: dropping) }
        }
    }

    @Test(arguments: [
        ("openai", "o3-mini", "temperature"), ("azure", "gpt-5-mini", "top_p"), ("openai", "o3", "stop"),
        ("xai", "grok-4", "presence_penalty"), ("anthropic", "claude-sonnet-5-5", "top_k"),
    ])
    func `a model may take less than its provider`(provider: String, model: String, name: String) throws {
        let row = try #require(Parameters.names.first { $0.name == name })
        let request = Self.request(asking: row.parameter)
        let refusal = #expect(throws: Failure.self) { try encoded(request, for: .of(provider, model: model)) }
        #expect(refusal?.code == .unsupportedParameter && refusal?.param == name)
        #expect(refusal?.message.contains(model) == true)
        let dropping = Endpoint.of(provider, model: model) { $0.dropsUnsupported = true }
        #expect(try encoded(request, for: dropping) == encoded(.text(), for: dropping))
        // What the caller writes in the provider's own words is the caller's.
        let extra = Request.text().with(extra: "{\"\(name)\":1}")
        let passed = try encoded(extra, for: .of(provider, model: model))
        #expect(passed[name] == .integer(1))
    }

    @Test(arguments: [
        ("openai", "gpt-5.1"), ("openai", "gpt-5-chat-latest"), ("openai", "gpt-4o"), ("openai", "omni"),
        ("openrouter", "o3-mini"), ("anthropic", "claude-sonnet-4-5"), ("xai", "grok-4-fast-non-reasoning"),
    ])
    func `other models take what their provider does`(provider: String, model: String) throws {
        let endpoint = Endpoint.of(provider, model: model)
        let body = try encoded(Self.request(asking: .temperature), for: endpoint)
        #expect(body["temperature"] == .double(0.5))
        #expect(Self.isTaken(Self.request(asking: .stop), at: endpoint))
    }

    @Test func `a temperature of 1 is what every model draws with, and no parameter to refuse`() throws {
        let request = Request.text { ($0.sampling.temperature, $0.sampling.topP) = (1, 1) }
        let body = try encoded(request, for: .of("openai", model: "o3-mini"))
        #expect(body["temperature"] == .integer(1) && body["top_p"] == .integer(1))
    }
}
