// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Foundation
import Testing

/// Requests that clients really sent: read into the neutral form, and written again.
@Suite struct RecordedRequestTests {
    /// How a request fails to come out as it was sent.
    enum Outcome: Equatable {
        /// The neutral form has no word for something.
        case unsayable(String)
        /// Fanout refuses to send it, naming the field.
        case refused(String)
        /// It comes out otherwise at these places.
        case differs([String])
    }

    /// Requests that don't come out as they were sent, each with the reason.
    static let exceptions: [String: (Outcome, String)] = [
        "deepseek-chat-063063c56b": (.refused("messages[0].parts[1]"), "DeepSeek takes text only, and said so: 400"),
        "deepseek-chat-873944aacd": (
            .differs(["messages[1].reasoning_content"]),
            "DeepSeek asks that reasoning be left out outside a tool loop"
        ),
        "deepseek-chat-f618853c2d": (
            .unsayable("messages[].content"), "content of no known type, sent to be refused: 422"
        ),
        "huggingface-chat-590bcff21a": (.unsayable("messages"), "a text where the API has a list: no such API; 401"),
        "huggingface-chat-f568799763": (
            .differs(["messages[1].tool_calls[0].function.arguments"]),
            "a call without arguments has an empty object of them; sent without, TGI answered 500"
        ),
        "mistral-chat-bc4f56cbaf": (
            .unsayable("messages[].content"), "content of no known type, sent to be refused: 422"
        ),
        "openai-compatible-chat-af72afdfc3": (
            .differs(["messages[3].reasoning_content"]),
            "reasoning goes back with the calls that it led to; Qwen's template leaves out that of other turns"
        ),
        "openai-chat-19daae4071": (
            .unsayable("messages[].charset"), "members and tools of no API, refused by OpenAI: 400"
        ),
        "openai-chat-3cba0e343f": (
            .unsayable("response_format.json_schema"), "a schema in the place of its envelope, refused by OpenAI: 400"
        ),
        "openai-chat-3e070df6b8": (
            .refused("temperature"), "o1-mini draws with 1 alone; the call, at 0, was refused for its system turn: 400"
        ),
        "openai-chat-53a0a6c13c": (
            .refused("messages[3].parts[0].parts[0]"), "OpenAI takes no image from a tool, and said so: 400"
        ),
        "openai-chat-82f1a8bccc": (.refused("messages"), "no messages, refused by OpenAI: 400"),
        "openai-completions-71e67d082d": (.unsayable("body.max_tokens"), "-1 tokens, refused by OpenAI: 400"),
    ]

    static let recordings = Recording.all.filter { recording in
        let isCompatible = ["chat.completions", "completions", "embeddings", "messages"]
            .contains(recording.endpoint.replacing("openai-compat.", with: ""))
        return isCompatible && recording.requestBody != .null
    }

    static func outcome(_ recording: Recording) throws -> Outcome? {
        let sent = recording.sentBody
        let isAnthropic = recording.provider == "anthropic"
        var stream = false
        if case .bool(true)? = sent["stream"] { stream = true }
        let request: Request
        do {
            request =
                isAnthropic
                ? try AnthropicRequestReader().request(sent)
                : try OpenAIRequestReader(provider: recording.provider).request(sent, endpoint: recording.endpoint)
        } catch let unsayable as Unsayable {
            return .unsayable(unsayable.path)
        }
        if let fault = RequestCheck.fault(in: request) { return .refused(fault.param) }
        let written: JSONValue
        do {
            written = try encoded(
                request,
                for: .of(recording.provider, model: sent["model"]?.text ?? ""),
                stream: stream
            )
        } catch let failure as Failure {
            return .refused(failure.param)
        }
        let meaning = RequestMeaning(provider: recording.provider)
        let places = RequestMeaning.differences(
            meaning.of(sent),
            meaning.of(written, namesModel: sent["model"] != nil)
        )
        return places.isEmpty ? nil : .differs(places)
    }

    @Test(arguments: recordings)
    func `a recorded request means the same after it was read and written again`(recording: Recording) throws {
        let outcome = try Self.outcome(recording)
        #expect(outcome == Self.exceptions[recording.id]?.0)
    }

    @Test(arguments: recordings.filter { $0.requestURL.contains("/openai/deployments/") })
    func `an Azure deployment is named by the path, and the version by the query`(recording: Recording) throws {
        // One client wrote a slash too many.
        let address = recording.requestURL.replacing("com//", with: "com/")
        let url = try #require(URLComponents(string: address))
        let segments = url.path.split(separator: "/")
        let endpoint = Endpoint.of("azure", model: String(segments[2])) {
            $0.pathPrefix = ""
            $0.query = url.query ?? ""
        }
        let request = try OpenAIRequestReader(provider: "azure")
            .request(recording.sentBody, endpoint: recording.endpoint)
        #expect(try Translator.encode(request, for: endpoint, stream: false).path == "\(url.path)?\(url.query ?? "")")
    }
}
