// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// Requests that a provider would refuse: refused before anything is sent, with the field's name, or refused by the
/// provider in its own words.
@Suite struct BadInputTests {
    static func image(_ url: String) -> Request {
        .chat([Message(role: .user, parts: [Part(.image(Media(mimeType: "", source: .url(url))))])])
    }

    @Test(arguments: [
        "data:", "data:image/png", "data:image/png;base64,", "data:image/png,abcd", "data:;base64,AQID",
        "data:image/png;base64,AQI*", "data:image/png;base64,AQIDA", "DATA:image/png;base64,A Q=",
    ])
    func `a malformed data URL is refused by name`(url: String) {
        let fault = RequestCheck.fault(in: Self.image(url))
        #expect(fault?.code == .invalidRequest && fault?.param == "messages[0].parts[0].url")
        let piece = ToolResult.Piece(.image(Media(mimeType: "", source: .url(url))))
        let messages = [
            Message(role: .assistant, parts: [RequestCheckTests.call()]),
            Message(role: .tool, parts: [Part(.toolResult(ToolResult(callID: "c", pieces: [piece])))]),
        ]
        #expect(RequestCheck.fault(in: .chat(messages))?.param == "messages[1].parts[0].parts[0].url")
    }

    @Test(arguments: [
        "data:image/png;base64,AQID", "data:image/png;charset=x;base64,AQI=", "DATA:image/png;base64,AQI",
    ])
    func `a data URL goes as it is to OpenAI, and as bytes to who has no data URLs`(url: String) throws {
        let request = Self.image(url)
        #expect(RequestCheck.fault(in: request) == nil)
        let part = try encoded(request)["messages"]?.elements?[0]["content"]?.elements?[0]
        #expect(part?["image_url"]?["url"] == .string(url))
        let block = try encoded(request, for: .of("anthropic"))["messages"]?.elements?[0]["content"]?.elements?[0]
        #expect(
            block?["source"]?["type"] == .string("base64") && block?["source"]?["media_type"] == .string("image/png")
        )
        #expect(block?["source"]?["data"]?.text?.hasPrefix("AQI") == true)
    }

    @Test(arguments: ["openai", "anthropic"])
    func `a result of a call that was never made is refused by name`(provider: String) {
        let request = Request.chat([Message(role: .tool, parts: [RequestCheckTests.result("nobody")])])
        let fault = RequestCheck.fault(in: request)
        #expect(fault?.code == .invalidRequest && fault?.param == "messages[0].parts[0].call_id")
    }

    @Test func `two system turns are two turns at OpenAI and two blocks of the one system text at Anthropic`() throws {
        let request = Request.chat([
            Message(role: .system, text: "one"), Message(role: .system, text: "two"), Message(role: .user, text: "q"),
        ])
        #expect(RequestCheck.fault(in: request) == nil)
        let turns = try encoded(request)["messages"]?.elements?.prefix(2).map { $0["content"] }
        #expect(turns == [.string("one"), .string("two")])
        let system = try encoded(request, for: .of("anthropic"))["system"]
        #expect(try system == json(#"[{"type":"text","text":"one"},{"type":"text","text":"two"}]"#))
    }

    @Test func `a turn without content is an empty text at OpenAI and refused by name at Anthropic`() throws {
        let request = Request.chat([Message(role: .user, text: "q"), Message(role: .user, parts: [])])
        #expect(try encoded(request)["messages"]?.elements?[1]["content"] == .string(""))
        let lonely = Request.chat([Message(role: .user, parts: [])])
        let refusal = #expect(throws: Failure.self) { try encoded(lonely, for: .of("anthropic")) }
        #expect(refusal?.code == .invalidRequest && refusal?.param == "messages[0]")
    }

    @Test func `a schema that the provider has no way to say is refused by name, or dropped where that is set`() throws
    {
        let request = Request.text { $0.responseFormat = .schema(.init(name: "s", json: Array("{}".utf8))) }
        let refusal = #expect(throws: Failure.self) { try encoded(request, for: .of("deepseek")) }
        #expect(refusal?.code == .unsupportedParameter && refusal?.param == "response_format.schema_json")
        let dropping = Endpoint.of("deepseek") { $0.dropsUnsupported = true }
        #expect(try encoded(request, for: dropping)["response_format"] == nil)
        let tool = Request.text { $0.tools = [RequestCheckTests.tool(parameters: #"{"type":"string"}"#)] }
        let other = #expect(throws: Failure.self) { try encoded(tool, for: .of("anthropic")) }
        #expect(other?.code == .invalidRequest && other?.param == "tools[0].parameters_json.type")
        let untyped = Request.text { $0.tools = [RequestCheckTests.tool(parameters: #"{"properties":{}}"#)] }
        let schema = try encoded(untyped, for: .of("anthropic"))["tools"]?.elements?[0]["input_schema"]
        #expect(try schema == json(#"{"type":"object","properties":{}}"#))
    }

    @Test func `a schema that only the provider knows to be too much is refused in the provider's words`() throws {
        let words = "Invalid schema for response_format 's': 'required' is required to be supplied"
        let body =
            #"{"error":{"message":"\#(words)","type":"invalid_request_error","param":"response_format","code":null}}"#
        let failure = try Self.failure(decode(body, status: 400))
        #expect(failure.code == .invalidRequest && failure.providerMessage == words)
        #expect(failure.param == "response_format" && failure.providerStatus == 400)
    }

    @Test func `a wrong type in extra_json goes to the provider, whose refusal comes back whole`() throws {
        let request = Request.text().with(extra: #"{"temperature":"hot"}"#)
        #expect(RequestCheck.fault(in: request) == nil)
        #expect(try encoded(request)["temperature"] == .string("hot"))
        let words = "Invalid type for 'temperature': expected a decimal, but got a string instead."
        let answer = decode(
            #"{"error":{"message":"\#(words)","type":"invalid_request_error","param":"temperature","code":"invalid_type"}}"#,
            status: 400
        )
        let failure = try Self.failure(answer)
        #expect(failure.code == .invalidRequest && failure.providerMessage == words)
        #expect(failure.providerCode == "invalid_type" && failure.providerType == "invalid_request_error")
        #expect(failure.param == "temperature")
    }

    static func failure(_ decoded: Decoded) throws -> Failure {
        guard case .failure(let failure) = decoded.result else {
            Issue.record("decoded to a success")
            throw Failure(.internal, "")
        }
        return failure
    }
}
