// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// Requests that clients really sent in Cohere's, Ollama's and text-generation-inference's formats: read into the
/// neutral form, and written again.
@Suite struct NativeRequestTests {
    /// Requests that don't come out as they were sent: how, and the reason.
    static let exceptions: [String: (outcome: String, reason: String)] = [
        "cohere-v1-chat-9a8c61903c": (
            "can't be said: body.messages", "version 1 of the API, whose conversation is a message and a history"
        ),
        "cohere-v2-chat-c33e1f8320": ("can't be said: tools[].type", "tools of version 1, refused by Cohere: 422"),
        "huggingface-inference-bfdcf71b72": (
            "can't be said: body.inputs", "an image's objects, which are no completion"
        ),
        "ollama-native-chat-a0feb596a1": (
            "differs at options.temperature temperature",
            "a temperature outside options, which Ollama passes over; Fanout puts it where it counts"
        ),
        "ollama-native-embeddings-59101341af": (
            "can't be said: body.prompt", "an older operation of one text a request, in whose place /api/embed is"
        ),
    ]

    static let recordings = Recording.all.filter { recording in
        guard recording.requestBody != .null else { return false }
        return recording.provider == "cohere" || recording.endpoint.hasPrefix("native.")
            || recording.endpoint == "inference"
    }

    /// How a request fails to come out as it was sent; nil = it doesn't.
    static func outcome(_ recording: Recording) throws -> String? {
        let sent = recording.sentBody
        let request: Request
        do {
            switch recording.provider {
            case "cohere": request = try CohereRequestReader().request(sent)
            case "ollama": request = try OllamaRequestReader().request(sent, endpoint: recording.endpoint)
            default: request = try GenerationRequestReader().request(sent)
            }
        } catch let unsayable as Unsayable {
            return "can't be said: \(unsayable.path)"
        }
        if let fault = RequestCheck.fault(in: request) { return "is refused: \(fault.param)" }
        var stream = recording.provider == "ollama"
        if case .bool(let flag)? = sent["stream"] { stream = flag }
        let endpoint = Endpoint.of(recording.provider, model: sent["model"]?.text ?? "org/model") { endpoint in
            // The recorded completions went to the paths of models.
            if recording.endpoint == "inference" { endpoint.host = "router.huggingface.co" }
        }
        let written: JSONValue
        do {
            written = try encoded(request, for: endpoint, stream: stream)
        } catch let failure as Failure {
            return "is refused: \(failure.param)"
        }
        let meaning = NativeMeaning(provider: recording.provider)
        let places = RequestMeaning.differences(meaning.of(sent), meaning.of(written))
        return places.isEmpty ? nil : "differs at \(places.joined(separator: " "))"
    }

    @Test(arguments: recordings)
    func `a recorded request means the same after it was read and written again`(recording: Recording) throws {
        #expect(try Self.outcome(recording) == Self.exceptions[recording.id]?.outcome)
    }

    @Test func `each exception is a recording`() {
        guard !Recording.all.isEmpty else { return }
        #expect(Set(Self.exceptions.keys).isSubset(of: Self.recordings.map(\.id)))
    }
}
