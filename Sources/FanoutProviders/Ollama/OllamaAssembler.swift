// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Puts an answer in Ollama's own format together: from one whole body, or from the lines of a stream.
///
/// Source: github.com/ollama/ollama, docs/api.md and api/types.go. A line has the members of a whole body, with the
/// next piece of text; the last one says `done` and has the counts.
struct OllamaAssembler: AnswerAssembler {
    /// What was asked for.
    enum Task: Sendable {
        case chat
        case completion
        /// With the number of inputs.
        case embedding(Int)
    }

    let task: Task
    /// Deltas are wanted.
    let emits: Bool
    private(set) var hasContent = false
    private var text = ""
    private var thinking = ""
    private var calls: [OllamaCall] = []
    private var vectors: [[UInt8]] = []
    private var model = ""
    /// `created_at` of the first line, as it came.
    private var moment = ""
    private var isDone = false
    private var doneReason = ""
    private var promptTokens: UInt64?
    private var completionTokens: UInt64?
    private var logprobs = TokenLogprobs()

    /// The most tool calls of an answer.
    static let callsMax = 1_024

    init(for request: Request, emits: Bool) {
        switch request.task {
        case .embedding(let embedding): self.task = .embedding(embedding.inputs.count)
        case .completion: self.task = .completion
        case .chat, nil: self.task = .chat
        }
        self.emits = emits
    }

    /// Whether the server said that it is done; its counts came with that.
    var isFinished: Bool { self.isDone }

    /// What the complete answer lacks; nil = nothing.
    var fault: AnswerFault? {
        guard case .embedding(let inputs) = self.task else {
            return self.isDone ? nil : .incomplete("the answer doesn't say that it is done")
        }
        let usable = self.vectors.count { !$0.isEmpty }
        if usable == inputs, self.vectors.count == inputs { return nil }
        return .incomplete("it has \(usable) usable vectors for \(inputs) inputs")
    }

    /// Takes a whole body, or a line of a stream.
    mutating func take(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) -> AnswerPart {
        var message: Int?
        var isError = false
        try reader.enterObject()
        while try reader.nextMember() {
            switch reader.keyLength {
            case 7 where reader.keyIs("message"):
                // Calls without ids need the moment, wherever it is.
                message = try reader.kind() == .object ? reader.offset : nil
                try reader.skip()
            case 8 where reader.keyIs("response"): self.take(try OpenAIAssembler.text(&reader) ?? "", &deltas)
            case 8 where reader.keyIs("thinking"):
                self.takeThought(try OpenAIAssembler.text(&reader) ?? "", &deltas)
            case 5 where reader.keyIs("error"):
                isError = try !reader.isNull()
                if isError { try reader.skip() }
            default: try self.takeMetadata(&reader)
            }
        }
        try reader.end()
        if isError { return .error }
        if let message {
            reader.seek(to: message)
            try self.takeMessage(&reader, &deltas)
        }
        return self.isDone ? .end : .part
    }

    private mutating func takeMetadata(_ reader: inout JSONReader) throws(JSONError) {
        switch reader.keyLength {
        case 4 where reader.keyIs("done"):
            let isFlag = try reader.kind() == .bool
            if isFlag { self.isDone = try reader.bool() } else { try reader.skip() }
        case 11 where reader.keyIs("done_reason"):
            self.doneReason = try OpenAIAssembler.text(&reader) ?? self.doneReason
        case 5 where reader.keyIs("model") && self.model.isEmpty:
            self.model = try OpenAIAssembler.text(&reader) ?? ""
        case 10 where reader.keyIs("created_at") && self.moment.isEmpty:
            self.moment = try OpenAIAssembler.text(&reader) ?? ""
        case 17 where reader.keyIs("prompt_eval_count"): self.promptTokens = try TokenCount.read(&reader)
        case 10 where reader.keyIs("eval_count"): self.completionTokens = try TokenCount.read(&reader)
        case 8 where reader.keyIs("logprobs"): try self.logprobs.take(&reader)
        case 10 where reader.keyIs("embeddings"): self.vectors = try OpenAIVector.readPlain(&reader)
        // The answer of an older operation, which has one.
        case 9 where reader.keyIs("embedding"): self.vectors = [try OpenAIVector.read(&reader, sizeHint: 0)]
        default: try reader.skip()
        }
    }

    private mutating func takeMessage(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) {
        try reader.enterObject()
        while try reader.nextMember() {
            switch reader.keyLength {
            case 7 where reader.keyIs("content"): self.take(try OpenAIAssembler.text(&reader) ?? "", &deltas)
            case 8 where reader.keyIs("thinking"): self.takeThought(try OpenAIAssembler.text(&reader) ?? "", &deltas)
            case 10 where reader.keyIs("tool_calls"): try self.takeCalls(&reader, &deltas)
            default: try reader.skip()
            }
        }
    }

    private mutating func take(_ text: String, _ deltas: inout [Delta]) {
        guard !text.isEmpty else { return }
        self.hasContent = true
        self.text += text
        if self.emits { deltas.append(Delta(.text(text))) }
    }

    private mutating func takeThought(_ text: String, _ deltas: inout [Delta]) {
        guard !text.isEmpty else { return }
        self.hasContent = true
        self.thinking += text
        if self.emits { deltas.append(Delta(.reasoning(text))) }
    }

    private mutating func takeCalls(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) {
        guard try reader.kind() == .array else { return try reader.skip() }
        try reader.enterArray()
        while try reader.nextElement() {
            guard try reader.kind() == .object else {
                try reader.skip()
                continue
            }
            guard self.calls.count < Self.callsMax else { throw JSONError(.tooLarge, at: reader.offset) }
            var call = try OllamaCall(&reader)
            call.nameIfNameless(moment: self.moment, index: self.calls.count)
            self.hasContent = true
            if self.emits {
                let number = UInt32(self.calls.count)
                let delta = ToolCallDelta(call: number, id: call.id, name: call.name, arguments: call.arguments)
                deltas.append(Delta(.toolCall(delta)))
            }
            self.calls.append(call)
        }
    }

    // MARK: The end

    /// The answer as far as it has come.
    func response() -> Response {
        var response: Response
        switch self.task {
        case .chat: response = Response(body: .chat([self.choice]))
        case .completion:
            var choice = TextChoice(text: self.text)
            choice.finishReason = self.finishReason
            choice.nativeFinishReason = self.doneReason
            choice.logprobsJSON = self.logprobs.completionJSON
            response = Response(body: .completion([choice]))
        case .embedding: response = Response(body: .embedding(self.vectors))
        }
        response.model = self.model
        response.created = Timestamp.seconds(of: self.moment) ?? 0
        response.usage = self.usage
        return response
    }

    private var choice: Choice {
        var parts: [Part] = []
        if !self.thinking.isEmpty { parts.append(Part(.reasoning(Reasoning(text: self.thinking)))) }
        if !self.text.isEmpty { parts.append(Part(.text(Text(self.text)))) }
        parts += self.calls.map(\.part)
        var choice = Choice(message: Message(role: .assistant, parts: parts))
        choice.finishReason = self.finishReason
        choice.nativeFinishReason = self.doneReason
        choice.logprobsJSON = self.logprobs.chatJSON
        return choice
    }

    /// Ollama has no word for an end by tool calls; old servers have none at all for the usual one.
    private var finishReason: FinishReason {
        switch self.doneReason {
        case "" where !self.isDone: .unspecified
        case "", "stop": self.calls.isEmpty ? .stop : .toolCalls
        case "length": .length
        default: .other
        }
    }

    /// The counts; a prompt that was wholly in the server's cache isn't counted by old servers.
    private var usage: Usage? {
        guard self.promptTokens != nil || self.completionTokens != nil else { return nil }
        var usage = Usage()
        usage.promptTokens = self.promptTokens ?? 0
        usage.completionTokens = self.completionTokens ?? 0
        usage.totalTokens = usage.promptTokens + usage.completionTokens
        return usage
    }
}
