// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import FanoutModel
internal import Testing

@testable internal import fanout

@Suite struct RequestReaderTests {
    private func item(_ json: String) throws(Failure) -> Item { try RequestReader.item(Array(json.utf8)) }

    private func chat(_ json: String) throws -> ChatRequest {
        guard case .chat(let chat) = try self.item(json).request.task else { throw Failure(.internal, "no chat") }
        return chat
    }

    @Test func `a conversation with every parameter is read into its fields`() throws {
        let json = """
            {"model": "m", "messages": [{"role": "system", "content": "be short"}, {"role": "user", "content": "hi"}],
             "temperature": 0.5, "top_p": 0.9, "top_k": 40, "max_tokens": 7, "stop": ["a", "b"], "seed": -3,
             "presence_penalty": 1, "frequency_penalty": -1, "n": 2, "logprobs": true, "top_logprobs": 3,
             "parallel_tool_calls": false, "reasoning_effort": "low", "user": "u", "service_tier": "flex",
             "id": "mine", "stream": true}
            """
        let item = try self.item(json)
        #expect(item.id == "mine")
        #expect(item.request.model == "m")
        #expect(item.request.extraJSON.isEmpty)
        var chat = ChatRequest(messages: [Message(role: .system, text: "be short"), Message(role: .user, text: "hi")])
        chat.sampling.temperature = 0.5
        chat.sampling.topP = 0.9
        chat.sampling.topK = 40
        chat.sampling.maxTokens = 7
        chat.sampling.stop = ["a", "b"]
        chat.sampling.seed = -3
        chat.sampling.presencePenalty = 1
        chat.sampling.frequencyPenalty = -1
        chat.choices = 2
        chat.topLogprobs = 3
        chat.parallelToolCalls = false
        chat.reasoning = ReasoningOptions()
        chat.reasoning?.effort = "low"
        chat.user = "u"
        chat.serviceTier = "flex"
        #expect(item.request.task == .chat(chat))
    }

    @Test func `unknown parameters travel as they are written, null ones don't`() throws {
        let item = try self.item(
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"top_a":0.10,"z":{"b":1,"a":[2]},"seed":null}"#
        )
        #expect(String(decoding: item.request.extraJSON, as: UTF8.self) == #"{"top_a":0.10,"z":{"b":1,"a":[2]}}"#)
        guard case .chat(let chat) = item.request.task else { return }
        #expect(chat.sampling.seed == nil)
    }

    @Test func `parts of text, images, audio and files are told apart`() throws {
        let chat = try self.chat(
            #"""
            {"model":"m","messages":[{"role":"user","content":[
              {"type":"text","text":"see","cache_control":{"type":"ephemeral","ttl":"1h"}},
              {"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},
              {"type":"image_url","image_url":{"url":"data:image/png;base64,AQID"}},
              {"type":"input_audio","input_audio":{"data":"AQ==","format":"mp3"}},
              {"type":"file","file":{"file_id":"f1","filename":"a.pdf"}},
              {"type":"video_thing","x":[1]}]}]}
            """#
        )
        let parts = try #require(chat.messages.first).parts
        var image = Media(mimeType: "", source: .url("https://x/y.png"))
        image.detail = "low"
        var file = Media(mimeType: "", source: .file("f1"))
        file.name = "a.pdf"
        #expect(
            parts == [
                Part(.text(Text("see")), cache: CacheMarker(ttlMilliseconds: 3_600_000)),
                Part(.image(image)),
                Part(.image(Media(mimeType: "image/png", source: .data([1, 2, 3])))),
                Part(.audio(Media(mimeType: "audio/mpeg", source: .data([1])))),
                Part(.document(file)),
                Part(
                    .opaque(
                        Opaque(
                            format: "openai",
                            type: "video_thing",
                            json: Array(#"{"type":"video_thing","x":[1]}"#.utf8)
                        )
                    )
                ),
            ]
        )
    }

    @Test func `an assistant's calls and a tool's result are read`() throws {
        let chat = try self.chat(
            #"""
            {"model":"m","messages":[
              {"role":"assistant","content":null,"annotations":[],"tool_calls":[
                {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}]},
              {"role":"tool","tool_call_id":"c1","content":"42"}]}
            """#
        )
        #expect(
            chat.messages[0].parts == [
                Part(.toolCall(ToolCall(id: "c1", name: "f", arguments: Array(#"{"a": 1}"#.utf8))))
            ]
        )
        let result = ToolResult(callID: "c1", pieces: [ToolResult.Piece(.text(Text("42")))])
        #expect(chat.messages[1].parts == [Part(.toolResult(result))])
    }

    @Test func `tools keep their schema as it is written`() throws {
        let chat = try self.chat(
            #"""
            {"model":"m","messages":[{"role":"user","content":"x"}],
             "tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,
               "parameters":{"type":"object","properties":{"z":{},"a":{}}}}},
              {"type":"web_search","depth":2}],
             "tool_choice":{"type":"function","function":{"name":"f"}},
             "response_format":{"type":"json_schema","json_schema":{"name":"s","strict":false,"schema":{"z":1,"a":2}}}}
            """#
        )
        var tool = Tool(name: "f")
        tool.description = "d"
        tool.strict = true
        tool.parametersJSON = Array(#"{"type":"object","properties":{"z":{},"a":{}}}"#.utf8)
        #expect(chat.tools.first == tool)
        #expect(chat.tools.last?.kind == .builtIn)
        #expect(chat.toolChoice == .named(["f"]))
        guard case .schema(let schema) = chat.responseFormat else {
            Issue.record("no schema")
            return
        }
        #expect(String(decoding: schema.json, as: UTF8.self) == #"{"z":1,"a":2}"#)
        #expect(schema.strict == false)
    }

    @Test(arguments: [
        ("\"auto\"", ToolChoice.auto), ("\"none\"", ToolChoice.none), ("\"required\"", ToolChoice.required),
    ])
    func `a tool choice may be a word`(word: String, choice: ToolChoice) throws {
        let chat = try self.chat(#"{"model":"m","messages":[{"role":"user","content":"x"}],"tool_choice":\#(word)}"#)
        #expect(chat.toolChoice == choice)
    }

    @Test func `a form that only the provider knows travels whole`() throws {
        let choice = #"{"type":"allowed_tools","mode":"auto"}"#
        let item = try self.item(#"{"model":"m","messages":[{"role":"user","content":"x"}],"tool_choice":\#(choice)}"#)
        #expect(String(decoding: item.request.extraJSON, as: UTF8.self) == #"{"tool_choice":\#(choice)}"#)
    }

    @Test func `embeddings and completions are told by their input`() throws {
        var embedding = EmbeddingRequest(inputs: ["a", "b"])
        embedding.dimensions = 8
        let first = try self.item(#"{"model":"m","input":["a","b"],"dimensions":8,"encoding_format":"base64"}"#)
        #expect(first.request.task == .embedding(embedding))
        #expect(first.request.extraJSON.isEmpty)
        var completion = CompletionRequest(prompts: ["p"])
        completion.echo = true
        completion.logprobs = 2
        let second = try self.item(#"{"model":"m","prompt":"p","echo":true,"logprobs":2}"#)
        #expect(second.request.task == .completion(completion))
    }

    @Test func `a line of an OpenAI batch file is its body under its name`() throws {
        let item = try self.item(
            #"{"custom_id":"r-1","id":null,"method":"POST","url":"/v1/embeddings","body":{"model":"e","input":"a"}}"#
        )
        #expect(item.id == "r-1")
        #expect(item.request == Request(model: "e", task: .embedding(EmbeddingRequest(inputs: ["a"]))))
    }

    @Test func `what routing needs is the item's`() throws {
        let item = try self.item(#"{"id":7,"model":"m","input":"a","tags":["x"],"fallbacks":["n"],"priority":-2}"#)
        #expect(item.id == "7" && item.tags == ["x"] && item.fallbacks == ["n"] && item.priority == -2)
        #expect(item.request.extraJSON.isEmpty)
    }

    struct Wrong: CustomTestStringConvertible {
        var json: String
        var param: String
        var testDescription: String { self.json }
    }

    @Test(arguments: [
        Wrong(json: #"{"model":"m"}"#, param: ""),
        Wrong(json: #"[1]"#, param: ""),
        Wrong(json: #"{"model":"m","messages":[{"role":"user"}"#, param: ""),
        Wrong(json: #"{"model":5,"input":"a"}"#, param: "model"),
        Wrong(json: #"{"model":"m","input":[1]}"#, param: "input[0]"),
        Wrong(json: #"{"model":"m","input":"a","dimensions":-1}"#, param: "dimensions"),
        Wrong(json: #"{"model":"m","messages":[{"content":"x"}]}"#, param: "messages[0].role"),
        Wrong(json: #"{"model":"m","messages":[{"role":"king","content":"x"}]}"#, param: "messages[0].role"),
        Wrong(json: #"{"model":"m","messages":[{"role":"user","content":3}]}"#, param: "messages[0].content"),
        Wrong(
            json: #"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text"}]}]}"#,
            param: "messages[0].content[1].text"
        ),
        Wrong(
            json: #"{"model":"m","messages":[{"role":"user","content":"x","mood":"bad"}]}"#,
            param: "messages[0].mood"
        ),
        Wrong(json: #"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#, param: "messages[0].tool_call_id"),
        Wrong(json: #"{"model":"m","messages":[],"tools":[{"type":"function"}]}"#, param: "tools[0].function"),
        Wrong(json: #"{"model":"m","messages":[],"max_tokens":4294967296}"#, param: "max_tokens"),
        Wrong(json: #"{"custom_id":"a","url":"/v1/images","body":{}}"#, param: "url"),
        Wrong(json: #"{"custom_id":"a","url":"/v1/embeddings","body":{"model":"m","prompt":"x"}}"#, param: "body"),
        Wrong(json: #"{"custom_id":"a","url":"/v1/completions","body":{"prompt":4}}"#, param: "body.prompt"),
    ])
    func `a fault names its field`(wrong: Wrong) {
        let failure = #expect(throws: Failure.self) { try self.item(wrong.json) }
        #expect(failure?.code == .invalidRequest)
        #expect(failure?.param == wrong.param)
        #expect(failure?.notStarted == true)
    }

    @Test func `a line that can't be read keeps its number and name`() {
        let entry = BatchLine.entry(.text(number: 12, Array(#"{"id":"q","model":"m","input":{}}"#.utf8)))
        guard case .unusable(let id, let failure) = entry else {
            Issue.record("must be unusable: \(entry)")
            return
        }
        #expect(id == "q")
        #expect(failure.message == "line 12: input must be an array")
    }

    @Test func `a fallback may be asked something of its own, the rest is the item's`() throws {
        let item = try self.item(
            #"{"fallbacks":["b",{"model":"c"},{"messages":[{"role":"user","content":"short"}],"#
                + #""model":"d","temperature":0,"x":2,"seed":null}],"model":"a","#
                + #""messages":[{"role":"user","content":"long"}],"temperature":1,"seed":5,"x":1,"y":3}"#
        )
        #expect(item.fallbacks == ["b", "c", "d"])
        let own = try #require(item.fallbackRequests.first)
        #expect(item.fallbackRequests.count == 1 && own.fallback == 2 && own.request.model == "d")
        var chat = ChatRequest(messages: [Message(role: .user, text: "short")])
        chat.sampling.temperature = 0
        chat.sampling.seed = 5
        #expect(own.request.task == .chat(chat))
        #expect(String(decoding: own.request.extraJSON, as: UTF8.self) == #"{"y":3,"x":2}"#)
        chat = ChatRequest(messages: [Message(role: .user, text: "long")])
        chat.sampling.temperature = 1
        chat.sampling.seed = 5
        #expect(item.request.task == .chat(chat) && item.request.model == "a")
    }

    @Test(arguments: [
        (#"{"prompt":"x"}"#, "fallbacks[1].model"), (#"{"model":"c","input":"x"}"#, "fallbacks[1].input"),
        (#"{"model":"c","priority":1}"#, "fallbacks[1].priority"), (#"{"model":"c","id":"x"}"#, "fallbacks[1].id"),
        (#"{"model":"c","fallbacks":["d"]}"#, "fallbacks[1].fallbacks"), ("7", "fallbacks[1]"),
        (#"{"model":"c","temperature":"hot"}"#, "fallbacks[1].temperature"), (#"["d"]"#, "fallbacks[1]"),
        ([String](repeating: "\"b\"", count: 16).joined(separator: ","), "fallbacks[16]"),
    ])
    func `a fallback that can't be asked is refused by its place`(fallback: String, param: String) {
        let failure = #expect(throws: Failure.self) {
            try self.item(#"{"model":"m","prompt":"p","fallbacks":["b",\#(fallback)]}"#)
        }
        #expect(failure?.code == .invalidRequest && failure?.param == param, "\(failure?.param ?? "")")
    }

    @Test(arguments: [#"{"type":"grammar","g":1}"#, #"{"type":"json_object"}"#])
    func `a fallback's own form replaces the item's, whichever of them only a provider knows`(format: String) throws {
        for other in [#"{"type":"grammar","g":2}"#, #"{"type":"text"}"#] {
            let item = try self.item(
                #"{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":\#(other),"#
                    + #""fallbacks":[{"model":"c","response_format":\#(format)}]}"#
            )
            let alone = try self.item(
                #"{"model":"c","messages":[{"role":"user","content":"x"}],"response_format":\#(format)}"#
            )
            #expect(item.fallbackRequests.map(\.request) == [alone.request], "\(other)")
        }
    }
}
