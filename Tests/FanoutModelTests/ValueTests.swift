// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

struct ValueTests {
    private static func chat(_ model: String, _ texts: [String]) -> Request {
        let messages = texts.map { Message(role: .user, text: $0) }
        return Request(model: model, task: .chat(ChatRequest(messages: messages)))
    }

    @Test func `a default's messages come first and its parameters fill the gaps`() throws {
        var defaults = Self.chat("base", ["system"])
        defaults.extraJSON = Array("{}".utf8)
        guard case .chat(var base) = defaults.task else { return }
        base.sampling.temperature = 0.5
        base.sampling.seed = 1
        base.tools = [Tool(name: "search")]
        base.choices = 2
        base.user = "somebody"
        defaults.task = .chat(base)
        var request = Self.chat("", ["question"])
        guard case .chat(var own) = request.task else { return }
        own.sampling.temperature = 0
        request.task = .chat(own)
        let filled = request.filled(from: defaults)
        guard case .chat(let chat) = filled.task else {
            Issue.record("no chat")
            return
        }
        #expect(filled.model == "base")
        #expect(filled.extraJSON == defaults.extraJSON)
        #expect(chat.messages.map(\.text) == ["system", "question"])
        #expect(chat.sampling.temperature == 0)
        #expect(chat.sampling.seed == 1)
        #expect(chat.tools == base.tools)
        #expect(chat.choices == 2)
        #expect(chat.user == "somebody")
    }

    @Test func `what an item says itself is kept`() {
        var request = Self.chat("own", ["question"])
        request.extraJSON = [1]
        var defaults = Self.chat("base", [])
        defaults.extraJSON = [2]
        #expect(request.filled(from: defaults) == request)
    }

    @Test func `a default of another task gives the model alone`() {
        let embedding = Request(model: "", task: .embedding(EmbeddingRequest(inputs: ["a"])))
        let filled = embedding.filled(from: Self.chat("base", ["x"]))
        #expect(filled == Request(model: "base", task: embedding.task))
    }

    @Test func `a request without a task takes the default's`() {
        let defaults = Request(model: "m", task: .completion(CompletionRequest(prompts: ["p"])))
        #expect(Request(model: "", task: nil).filled(from: defaults) == defaults)
        var own = CompletionRequest(prompts: [])
        own.choices = 3
        let filled = Request(model: "", task: .completion(own)).filled(from: defaults)
        guard case .completion(let completion) = filled.task else {
            Issue.record("no completion")
            return
        }
        #expect(completion.prompts == ["p"])
        #expect(completion.choices == 3)
    }

    @Test func `a secret never shows, however it is printed`() {
        let secret = Secret("sk-very-secret")
        let credential = Credential.bearer(secret)
        var endpoint = Endpoint(
            provider: "openai",
            format: .openAI,
            isSecure: true,
            host: "h",
            port: 443,
            pathPrefix: "",
            model: "m"
        )
        endpoint.credential = credential
        endpoint.headers = [Endpoint.Header(name: "x-key", value: secret)]
        var dumped = ""
        dump(endpoint, to: &dumped)
        let printed = [
            "\(secret)", String(describing: secret), String(reflecting: secret), "\(credential)", "\(endpoint)",
            String(reflecting: endpoint), "\([secret])", "\(["k": secret])", dumped,
            "\(AWSCredentials(accessKeyID: secret, secretAccessKey: secret, sessionToken: secret))",
        ]
        for text in printed { #expect(!text.contains("very-secret"), "\(text)") }
        #expect(secret.revealed == "sk-very-secret")
    }

    @Test func `usage adds up and stops at the end of the numbers`() {
        var usage = Usage()
        usage.promptTokens = .max - 1
        usage.reasoningTokens = 3
        var more = Usage()
        more.promptTokens = 5
        more.reasoningTokens = 4
        usage.add(more)
        #expect(usage.promptTokens == .max)
        #expect(usage.reasoningTokens == 7)
    }
}
