// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

@Suite struct RequestCheckTests {
    static func call(_ arguments: String = "{}", id: String = "c") -> Part {
        Part(.toolCall(ToolCall(id: id, name: "f", arguments: Array(arguments.utf8))))
    }

    static func result(_ id: String = "c") -> Part {
        Part(.toolResult(ToolResult(callID: id, pieces: [.init(.text(Text("r")))])))
    }

    static func tool(_ name: String = "f", parameters: String = "") -> Tool {
        var tool = Tool(name: name)
        tool.parametersJSON = Array(parameters.utf8)
        return tool
    }

    static func embedding(_ inputs: [String], dimensions: UInt32? = nil) -> Request {
        var embedding = EmbeddingRequest(inputs: inputs)
        embedding.dimensions = dimensions
        return Request(model: "g", task: .embedding(embedding))
    }

    static let deep = String(repeating: "{\"a\":", count: 65) + "1" + String(repeating: "}", count: 65)

    static let faulty: [(String, Request)] = [
        ("model", Request(model: "", task: .chat(ChatRequest(messages: [Message(role: .user, text: "a")])))),
        ("model", Request(model: "a\u{0}b", task: .chat(ChatRequest(messages: [Message(role: .user, text: "a")])))),
        ("model", Request(model: String(repeating: "m", count: 257), task: nil)),
        ("task", Request(model: "g", task: nil)),
        ("messages", .chat([])), ("prompts", Request(model: "g", task: .completion(CompletionRequest(prompts: [])))),
        ("inputs", embedding([])), ("inputs[1]", embedding(["a", ""])), ("dimensions", embedding(["a"], dimensions: 0)),
        ("sampling.temperature", .text { $0.sampling.temperature = 2.1 }),
        ("sampling.temperature", .text { $0.sampling.temperature = -0.1 }),
        ("sampling.temperature", .text { $0.sampling.temperature = .nan }),
        ("sampling.top_p", .text { $0.sampling.topP = 0 }), ("sampling.top_p", .text { $0.sampling.topP = .infinity }),
        ("sampling.top_p", .text { $0.sampling.topP = 1.01 }), ("sampling.top_k", .text { $0.sampling.topK = 0 }),
        ("sampling.presence_penalty", .text { $0.sampling.presencePenalty = 2.5 }),
        ("sampling.frequency_penalty", .text { $0.sampling.frequencyPenalty = -.infinity }),
        ("sampling.stop", .text { $0.sampling.stop = Array(repeating: "x", count: 17) }),
        ("sampling.stop[1]", .text { $0.sampling.stop = ["x", ""] }),
        ("sampling.max_tokens", .text { $0.sampling.maxTokens = 0 }), ("choices", .text { $0.choices = 0 }),
        ("user", .text { $0.user = "\u{0}" }), ("extra_json", .text().with(extra: "[1]")),
        ("extra_json", .text().with(extra: deep)), ("extra_json.model", .text().with(extra: #"{"model":1}"#)),
        ("tools[0].name", .text { $0.tools = [tool("")] }),
        ("tools[1].parameters_json", .text { $0.tools = [tool(), tool(parameters: "{")] }),
        ("tools[0].parameters_json", .text { $0.tools = [tool(parameters: "3")] }),
        ("tool_choice", .text { $0.toolChoice = .required }),
        ("tool_choice.names[0]", .text { ($0.tools, $0.toolChoice) = ([tool()], .named(["g"])) }),
        (
            "response_format.schema_json",
            .text { $0.responseFormat = .schema(.init(name: "s", json: Array(deep.utf8))) }
        ),
        ("messages[1].parts[0]", .chat([Message(role: .user, text: "a"), Message(role: .user, parts: [call()])])),
        ("messages[0].parts[0].arguments", .chat([Message(role: .assistant, parts: [call("{\"a\"")])])),
        ("messages[0].parts[0].call_id", .chat([Message(role: .tool, parts: [result()])])),
        (
            "messages[1].parts[0].call_id",
            .chat([Message(role: .assistant, parts: [call(id: "d")]), Message(role: .tool, parts: [result()])])
        ),
        ("messages[0].parts[0]", .chat([Message(role: .tool, text: "a")])),
        ("messages[0]", .chat([Message(role: .tool, parts: [])])),
        ("messages[0].parts[0]", .chat([Message(role: .user, parts: [Part(.refusal(Text("no")))])])),
        (
            "messages[0].parts[0].mime_type",
            .chat([Message(role: .user, parts: [Part(.image(Media(mimeType: "", source: .data([1]))))])])
        ),
        (
            "messages[0].parts[0].data",
            .chat([Message(role: .user, parts: [Part(.image(Media(mimeType: "image/png", source: .data([]))))])])
        ),
    ]

    @Test(arguments: faulty)
    func `a fault names its field`(param: String, request: Request) {
        let fault = RequestCheck.fault(in: request)
        #expect(fault?.code == .invalidRequest && fault?.param == param, "\(fault?.message ?? "no fault")")
    }

    static let sound: [Request] = [
        .text(), .text(""), .chat([Message(role: .user, parts: [])]),
        .text {
            $0.sampling.temperature = 2
            $0.sampling.topP = 1
            $0.sampling.presencePenalty = -2
            $0.sampling.stop = Array(repeating: "x", count: 16)
        },
        .chat([
            Message(role: .assistant, parts: [call(), call("", id: "d")]),
            Message(role: .tool, parts: [result("d"), result("c")]), Message(role: .user, parts: [result("c")]),
        ]),
        .text { ($0.tools, $0.toolChoice) = ([tool(parameters: "{}")], .named(["f"])) },
        embedding(["a", "b"], dimensions: 1),
        .text().with(extra: #"{"temperature":"anything"}"#),
    ]

    @Test(arguments: sound)
    func `a sound request has no fault`(request: Request) {
        #expect(RequestCheck.fault(in: request) == nil)
    }
}
