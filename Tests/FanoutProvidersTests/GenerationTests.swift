// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

/// Text completions of text-generation-inference, and the ways to it.
@Suite struct GenerationTests {
    static let endpoint = Endpoint.of("huggingface", model: "org/model")
    static let probe = EncodingProbe(endpoint: Self.endpoint)
    static let router = EncodingProbe(
        endpoint: .of("huggingface", model: "org/model") { $0.host = "router.huggingface.co" }
    )

    static func completion(_ configure: (inout CompletionRequest) -> Void = { _ in }) -> Request {
        var completion = CompletionRequest(prompts: ["p"])
        configure(&completion)
        return Request(model: "g", task: .completion(completion))
    }

    static let plain = #"{"inputs":"p","parameters":{"details":true,"return_full_text":false}}"#

    // MARK: Requests

    @Test(arguments: ["", "/v1", "/generate", "/generate_stream"])
    func `a server has its own operations for completions and OpenAI's for conversations`(prefix: String) throws {
        #expect(try Self.probe.path(Self.completion(), base: prefix) == "/generate")
        #expect(try Self.probe.path(Self.completion(), base: "/a" + prefix, stream: true) == "/a/generate_stream")
        #expect(try Self.probe.path(.text(), base: prefix) == "/v1/chat/completions")
        let embedding = Request(model: "g", task: .embedding(EmbeddingRequest(inputs: ["i"])))
        #expect(try Self.probe.path(embedding, base: prefix) == "/v1/embeddings")
    }

    @Test func `the router has paths of models, whose bodies say whether they are streamed`() throws {
        let path = "/hf-inference/models/org/model"
        #expect(try Self.router.path(Self.completion(), base: "/v1", stream: true) == path)
        #expect(try Self.router.body(Self.completion(), stream: true).hasSuffix(#""stream":true}"#))
        #expect(try Self.router.body(Self.completion()).hasSuffix(#""stream":false}"#))
        #expect(try Self.probe.path(Self.completion(), base: "/x/models/m") == "/x/models/m")
    }

    @Test func `the provider behind the router is named after the model`() throws {
        func body(_ model: String) throws -> String { try Self.router.body(.text()) { $0.model = model } }
        #expect(try body("together/org/model").hasPrefix(#"{"model":"org/model:together","#))
        #expect(try body("org/model:groq").hasPrefix(#"{"model":"org/model:groq","#))
        #expect(try Self.probe.body(.text()) { $0.model = "a/b/c" }.hasPrefix(#"{"model":"a/b/c","#))
    }

    @Test func `parameters are inside the body's object of that name, whoever gives them`() throws {
        #expect(try Self.probe.body(Self.completion()) == Self.plain)
        let request = Self.completion {
            $0.echo = true
            $0.logprobs = 2
            $0.sampling.maxTokens = 9
            $0.sampling.stop = ["x"]
            $0.sampling.seed = 1
            $0.sampling.temperature = 0.5
            $0.sampling.topK = 3
            $0.sampling.topP = 0.75
            $0.sampling.frequencyPenalty = 1
        }.with(extra: #"{"parameters":{"typical_p":0.5},"watermark":true,"options":{"use_cache":false}}"#)
        let expected =
            #"{"inputs":"p","parameters":{"typical_p":0.5,"watermark":true,"details":true,"return_full_text":true,"#
            + #""top_n_tokens":2,"max_new_tokens":9,"stop":["x"],"seed":1,"frequency_penalty":1,"temperature":0.5,"#
            + #""top_k":3,"top_p":0.75,"repetition_penalty":1.5},"options":{"use_cache":false}}"#
        let body = try Self.probe.body(request) {
            $0.defaultsJSON = Array(#"{"repetition_penalty":1.5,"max_tokens":1}"#.utf8)
        }
        #expect(body == expected)
    }

    @Test func `a temperature of 0 draws nothing, a share of 1 leaves nothing out`() throws {
        let greedy = Self.completion {
            $0.sampling.temperature = 0
            $0.sampling.topP = 0.5
            $0.sampling.topK = 9
        }
        #expect(try Self.probe.body(greedy) == Self.plain)
        #expect(try Self.probe.body(Self.completion { $0.sampling.topP = 1 }) == Self.plain)
    }

    static let untaken: [(String, Request)] = [
        ("suffix", completion { $0.suffix = "s" }), ("choices", completion { $0.choices = 2 }),
        ("user", completion { $0.user = "u" }), ("seed below 0", completion { $0.sampling.seed = -1 }),
        ("presence_penalty", completion { $0.sampling.presencePenalty = 1 }),
    ]

    @Test(arguments: untaken)
    func `what the server doesn't take is refused by name, or dropped`(param: String, request: Request) throws {
        #expect(Self.probe.fault(request)?.param == param)
        #expect(try Self.probe.body(request) { $0.dropsUnsupported = true } == Self.plain)
    }

    @Test func `a prompt is one, and isn't given back in a stream`() throws {
        #expect(Self.probe.fault(Self.completion { $0.prompts = ["a", "b"] })?.param == "prompts")
        let echo = Self.completion { $0.echo = true }
        #expect(Self.probe.fault(echo, stream: true)?.param == "echo of a streamed completion")
        #expect(Self.probe.fault(echo) == nil)
    }

    // MARK: Answers

    static let events = [
        #"{"index":1,"token":{"id":1,"text":"He","logprob":-0.5,"special":false},"top_tokens":[{"text":"x","logprob":-1}],"#
            + #""generated_text":null,"details":null}"#,
        #"{"index":2,"token":{"id":2,"text":"llo","logprob":-0.25,"special":false},"generated_text":null}"#,
        #"{"index":3,"token":{"id":3,"text":"</s>","logprob":-3,"special":true},"generated_text":"Hello","#
            + #""details":{"finish_reason":"eos_token","generated_tokens":3,"seed":null,"input_length":7}}"#,
    ]

    static func stream(_ events: some Sequence<String>) -> String {
        events.map { "data:\($0)\n\n" }.joined()
    }

    func decoded(
        _ body: String,
        stream: Bool,
        logprobs: UInt32? = nil,
        head: AnswerHead = AnswerHead(status: 200)
    )
        -> Decoded
    {
        decode(
            [Array(body.utf8)],
            request: Self.completion { $0.logprobs = logprobs },
            endpoint: Self.endpoint,
            stream: stream,
            head: head
        )
    }

    func choice(_ decoded: Decoded) throws -> TextChoice {
        guard case .completion(let choices) = try decoded.result.get().body, choices.count == 1 else {
            throw Failure(.internal, "no completion")
        }
        return choices[0]
    }

    func failure(_ decoded: Decoded) throws -> Failure {
        guard case .failure(let failure) = decoded.result else {
            Issue.record("decoded to a success")
            throw Failure(.internal, "decoded to a success")
        }
        return failure
    }

    @Test func `a stream becomes deltas and the answer that a whole body would be`() throws {
        let streamed = self.decoded(Self.stream(Self.events), stream: true, logprobs: 1)
        #expect(streamed.isComplete)
        #expect(streamed.deltas == [Delta(.text("He")), Delta(.text("llo"))])
        let choice = try self.choice(streamed)
        #expect(choice.text == "Hello" && choice.finishReason == .stop && choice.nativeFinishReason == "eos_token")
        let logprobs =
            #"{"tokens":["He","llo"],"token_logprobs":[-0.5,-0.25],"top_logprobs":[{"x":-1},{}],"text_offset":[0,2]}"#
        #expect(choice.logprobsJSON == Array(logprobs.utf8))
        let usage = try streamed.result.get().usage
        #expect(usage?.promptTokens == 7 && usage?.completionTokens == 3 && usage?.totalTokens == 10)
        let whole =
            #"[{"generated_text":"Hello","details":{"finish_reason":"eos_token","generated_tokens":3,"input_length":7,"#
            + #""top_tokens":[[{"text":"x","logprob":-1}]],"tokens":[{"text":"He","logprob":-0.5,"special":false},"#
            + #"{"text":"llo","logprob":-0.25},{"text":"</s>","logprob":-3,"special":true}]}}]"#
        #expect(try self.decoded(whole, stream: false, logprobs: 1).result.get() == streamed.result.get())
        #expect(try self.choice(self.decoded(whole, stream: false)).logprobsJSON.isEmpty)
    }

    @Test func `the prompt's tokens are read from the header where the body doesn't count them`() throws {
        var head = AnswerHead(status: 200)
        head.take(name: "x-prompt-tokens", value: "16")
        let body = #"{"generated_text":"x","details":{"finish_reason":"length","generated_tokens":2}}"#
        let usage = try self.decoded(body, stream: false, head: head).result.get().usage
        #expect(usage?.promptTokens == 16 && usage?.totalTokens == 18)
    }

    @Test func `a stream without its end is broken, at any cut`() throws {
        for count in 1..<Self.events.count {
            let decoded = self.decoded(Self.stream(Self.events.prefix(count)), stream: true)
            #expect(try self.failure(decoded).code == .streamBroken, "after \(count) events")
        }
    }

    @Test func `an error inside a stream has its own class`() throws {
        let error = #"{"error":"Request failed during generation","error_type":"generation"}"#
        let decoded = self.decoded(Self.stream(Self.events.prefix(1) + [error]), stream: true)
        #expect(try self.failure(decoded).code == .providerError)
    }

    @Test(arguments: [
        (UInt16(429), #"{"error":"Model is overloaded","error_type":"overloaded"}"#, FailureCode.overloaded),
        (424, #"{"error":"Request failed during generation","error_type":"generation"}"#, .providerError),
        (500, #"{"error":"Incomplete generation","error_type":"incomplete_generation"}"#, .providerError),
        (
            422, #"{"error":"`inputs` must have less than 5 tokens. Given: 9","error_type":"validation"}"#,
            .contextWindow
        ),
        (422, #"{"error":"`top_p` must be > 0.0 and < 1.0","error_type":"validation"}"#, .invalidRequest),
        (402, #"{"error":"You have exceeded your monthly included credits"}"#, .quotaExhausted),
        (200, #"[{"score":0.5}]"#, .invalidResponse), (200, "[]", .invalidResponse),
    ])
    func `each error has its class`(status: UInt16, body: String, code: FailureCode) throws {
        let decoded = self.decoded(body, stream: false, head: AnswerHead(status: status))
        #expect(try self.failure(decoded).code == code)
    }

    @Test func `a model that is being loaded is waited for as long as it says`() throws {
        let body = #"{"error":"Model x is currently loading","estimated_time":22.3}"#
        let failure = try self.failure(self.decoded(body, stream: false, head: AnswerHead(status: 503)))
        #expect(failure.code == .overloaded && failure.retryAfterMilliseconds == 22_300)
    }
}
