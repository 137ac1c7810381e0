// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// What Google's generateContent is sent.
@Suite struct GeminiTests {
    static let endpoint = Endpoint.of("gemini", model: "gemini-x") { $0.pathPrefix = "/v1beta" }
    static let vertex = Endpoint.of("vertex_ai", model: "gemini-x") {
        $0.pathPrefix = "/v1beta1/projects/p/locations/l"
    }

    func body(_ request: Request, endpoint: Endpoint = Self.endpoint) throws -> String {
        let body = try Translator.encode(request, for: endpoint, stream: false).body
        try validateJSON(body, objectOnly: true)
        return String(decoding: body, as: UTF8.self)
    }

    func fault(_ request: Request, endpoint: Endpoint = Self.endpoint) -> Failure? {
        do throws(Failure) {
            _ = try Translator.encode(request, for: endpoint, stream: false)
            return nil
        } catch {
            return error
        }
    }

    static let plain = #"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#

    // MARK: Targets

    @Test(arguments: [
        ("", "m", "/v1beta/models/m:generateContent"), ("/v1", "m", "/v1/models/m:generateContent"),
        ("/proxy", "m", "/proxy/v1beta/models/m:generateContent"),
        ("/v1beta", "models/m", "/v1beta/models/m:generateContent"),
        ("/v1beta", "tunedModels/a b", "/v1beta/tunedModels/a%20b:generateContent"),
        ("/v1beta", "../x?y", "/v1beta/models/..%2Fx%3Fy:generateContent"),
    ])
    func `the model is in the path, after the version`(prefix: String, model: String, path: String) throws {
        var endpoint = Self.endpoint
        (endpoint.pathPrefix, endpoint.model) = (prefix, model)
        let encoded = try Translator.encode(.text(), for: endpoint, stream: false)
        #expect(encoded.path == path)
        #expect(String(decoding: encoded.body, as: UTF8.self) == Self.plain)
    }

    @Test func `a stream is asked for as server-sent events`() throws {
        var endpoint = Self.endpoint
        endpoint.query = "a=b"
        let encoded = try Translator.encode(.text(), for: endpoint, stream: true)
        #expect(encoded.path == "/v1beta/models/gemini-x:streamGenerateContent?alt=sse&a=b")
        #expect(String(decoding: encoded.body, as: UTF8.self) == Self.plain)
    }

    @Test func `at Vertex a model has a publisher, and a number is an endpoint of one's own`() throws {
        let encoded = try Translator.encode(.text(), for: Self.vertex, stream: false)
        #expect(
            encoded.path == "/v1beta1/projects/p/locations/l/publishers/google/models/gemini-x:generateContent"
        )
        var endpoint = Self.vertex
        endpoint.model = "123"
        let tuned = try Translator.encode(.text(), for: endpoint, stream: true)
        #expect(tuned.path == "/v1beta1/projects/p/locations/l/endpoints/123:streamGenerateContent?alt=sse")
    }

    // MARK: Conversations

    @Test func `instructions leave the conversation, and turns stay as they are`() throws {
        let request = Request.chat([
            Message(role: .system, text: "s"), Message(role: .user, text: "a"), Message(role: .developer, text: "d"),
            Message(role: .user, text: "b"), Message(role: .assistant, text: "c"), Message(role: .user, text: "e"),
        ])
        let expected =
            #"{"systemInstruction":{"parts":[{"text":"s"},{"text":"d"}]},"contents":["#
            + #"{"role":"user","parts":[{"text":"a"}]},{"role":"user","parts":[{"text":"b"}]},"#
            + #"{"role":"model","parts":[{"text":"c"}]},{"role":"user","parts":[{"text":"e"}]}]}"#
        #expect(try self.body(request) == expected)
    }

    @Test func `calls go back with their proofs, and their results in one turn under the functions' names`() throws {
        var signed = ToolCall(id: "a", name: "f", arguments: Array(#"{"x":1}"#.utf8))
        signed.signature = Array("c2ln".utf8)
        let made = ToolCall(id: "fanout-1-0-1", name: "g", arguments: [])
        var failed = ToolResult(callID: "fanout-1-0-1", pieces: [.init(.text(Text("no")))])
        failed.isError = true
        let object = ToolResult(callID: "a", pieces: [.init(.json(Array(#"{"y":2}"#.utf8)))])
        let request = Request.chat([
            Message(role: .user, text: "q"),
            Message(role: .assistant, parts: [Part(.toolCall(signed)), Part(.toolCall(made))]),
            Message(role: .tool, parts: [Part(.toolResult(object))]),
            Message(role: .tool, parts: [Part(.toolResult(failed))]),
        ])
        let expected =
            #"{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{"x":1}},"#
            + #""thoughtSignature":"c2ln"},{"functionCall":{"name":"g","args":{}}}]},"#
            + #"{"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"y":2}}},"#
            + #"{"functionResponse":{"name":"g","response":{"error":"no"}}}]}]}"#
        #expect(try self.body(request).hasSuffix(expected))
    }

    @Test func `what is no object is the output of a result, and media stand beside it`() throws {
        let call = ToolCall(id: "a", name: "f", arguments: [])
        func results(_ pieces: [ToolResult.Piece.Kind]) throws -> String {
            let result = ToolResult(callID: "a", pieces: pieces.map { .init($0) })
            let body = try self.body(
                .chat([
                    Message(role: .assistant, parts: [Part(.toolCall(call))]),
                    Message(role: .tool, parts: [Part(.toolResult(result))]),
                ])
            )
            return String(body[try #require(body.firstRange(of: #""response":"#)).upperBound...])
        }
        #expect(try results([.text(Text("t"))]).hasPrefix(#"{"output":"t"}}"#))
        #expect(try results([.json(Array("[1]".utf8))]).hasPrefix(#"{"output":[1]}}"#))
        #expect(try results([.text(Text("t")), .json(Array("{}".utf8))]).hasPrefix(#"{"output":["t",{}]}}"#))
        let image = Media(mimeType: "image/png", source: .data([1, 2, 3]))
        #expect(
            try results([.image(image)]).hasPrefix(
                #"{},"parts":[{"inlineData":{"mimeType":"image/png","data":"AQID"}}]}"#
            )
        )
    }

    @Test func `thoughts and proofs go back where they were`() throws {
        var thought = Reasoning(text: "hm")
        thought.signature = Array("QQ==".utf8)
        var proof = Reasoning()
        proof.signature = Array("Qg==".utf8)
        let request = Request.chat([
            Message(
                role: .assistant,
                parts: [
                    Part(.reasoning(thought)), Part(.reasoning(proof)), Part(.text(Text("a"))), Part(.text(Text("b"))),
                    Part(.reasoning(proof)),
                ]
            )
        ])
        let expected =
            #"[{"text":"hm","thought":true,"thoughtSignature":"QQ=="},{"text":"a","thoughtSignature":"Qg=="},"#
            + #"{"text":"b"},{"text":"","thoughtSignature":"Qg=="}]"#
        #expect(try self.body(request).contains(expected))
    }

    @Test(arguments: [
        (
            Media(mimeType: "audio/wav", source: .data([1])), #"{"inlineData":{"mimeType":"audio/wav","data":"AQ=="}}"#
        ),
        (
            Media(mimeType: "", source: .url("data:image/png;base64,AQID")),
            #"{"inlineData":{"mimeType":"image/png","data":"AQID"}}"#
        ),
        (
            Media(mimeType: "video/mp4", source: .url("gs://b/f")),
            #"{"fileData":{"fileUri":"gs://b/f","mimeType":"video/mp4"}}"#
        ),
        (
            Media(mimeType: "", source: .file("files/a")),
            #"{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/a"}}"#
        ),
    ])
    func `media go as bytes, or as a URI that Google fetches`(media: Media, expected: String) throws {
        for kind in [Part.Kind.image(media), .document(media), .audio(media), .video(media)] {
            let body = try self.body(.chat([Message(role: .user, parts: [Part(kind)])]))
            #expect(body == #"{"contents":[{"role":"user","parts":[\#(expected)]}]}"#)
        }
    }

    // MARK: Parameters

    @Test func `every parameter has Google's word`() throws {
        let request = Request.text {
            $0.sampling.maxTokens = 9
            $0.sampling.temperature = 0.5
            $0.sampling.topP = 0.25
            $0.sampling.topK = 3
            $0.sampling.stop = ["x"]
            $0.sampling.seed = -7
            $0.sampling.presencePenalty = 1
            $0.sampling.frequencyPenalty = -1
            $0.choices = 2
            $0.topLogprobs = 4
            $0.responseFormat = .json
            $0.serviceTier = "flex"
        }
        let expected =
            #"],"generationConfig":{"maxOutputTokens":9,"temperature":0.5,"topP":0.25,"topK":3,"stopSequences":["x"],"#
            + #""seed":-7,"presencePenalty":1,"frequencyPenalty":-1,"candidateCount":2,"responseLogprobs":true,"#
            + #""logprobs":4,"responseMimeType":"application/json"},"serviceTier":"flex"}"#
        let body = try self.body(request)
        #expect(body.contains(#""generationConfig":"#))
        #expect(try json(body) == json(#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}\#(expected)"#))
    }

    @Test func `a caller's own generationConfig and toolConfig are joined with what Fanout writes, and go first`()
        throws
    {
        let request = Request.text {
            $0.sampling.maxTokens = 9
            $0.sampling.temperature = 0.5
            $0.tools = [Tool(name: "f")]
            $0.toolChoice = .required
        }.with(
            extra: #"{"generation_config":{"temperature":1,"mediaResolution":"LOW"},"safetySettings":[],"#
                + #""toolConfig":{"retrievalConfig":{}}}"#
        )
        let body = try json(self.body(request))
        #expect(
            try body["generationConfig"] == json(#"{"maxOutputTokens":9,"temperature":1,"mediaResolution":"LOW"}"#)
        )
        #expect(body["generation_config"] == nil && body["safetySettings"] == .array([]))
        #expect(
            try body["toolConfig"]
                == json(#"{"functionCallingConfig":{"mode":"ANY"},"retrievalConfig":{}}"#)
        )
        #expect(self.fault(.text().with(extra: #"{"contents":[]}"#))?.param == "extra_json.contents")
    }

    @Test func `a deployment's own parameters fill what the request leaves open`() throws {
        var endpoint = Self.endpoint
        endpoint.defaultsJSON = Array(
            (#"{"max_tokens":5,"temperature":0.1,"stop":"z","reasoning_effort":"high","safety_settings":[{}],"#
                + #""response_modalities":["TEXT"],"model":"x"}"#).utf8
        )
        let body = try json(self.body(.text { $0.sampling.temperature = 1 }, endpoint: endpoint))
        let expected =
            #"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":5,"#
            + #""temperature":1,"stopSequences":["z"],"thinkingConfig":{"thinkingLevel":"high"},"#
            + #""response_modalities":["TEXT"]},"safety_settings":[{}]}"#
        #expect(try body == json(expected))
    }
}
