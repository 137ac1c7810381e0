// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Puts an answer of Cohere's API, version 2, together: from one whole body, or from the events of a stream.
///
/// Source: docs.cohere.com/reference/chat, /chat-stream and /embed. An event has its part of the message in `delta`,
/// in the places that the whole message has it, so both are read alike.
struct CohereAssembler: AnswerAssembler {
    /// Deltas are wanted.
    let emits: Bool
    /// How many vectors were asked for; nil = a chat was.
    let inputs: Int?
    private(set) var hasContent = false
    /// What the end of a stream says of its failure: one JSON object, or empty.
    private(set) var partError: [UInt8] = []
    private var turn = CohereTurn()
    private var vectors: [[UInt8]] = []
    private var isMessage = false
    private var id = ""
    private var finish = ""
    private var usage = CohereUsage()
    private var logprobs = TokenLogprobs()

    init(for request: Request, emits: Bool) {
        self.emits = emits
        if case .embedding(let embedding) = request.task {
            self.inputs = embedding.inputs.count
        } else {
            self.inputs = nil
        }
    }

    /// Whether the message said why it ended; its usage came with that.
    var isFinished: Bool { !self.finish.isEmpty }

    /// What the complete answer lacks; nil = nothing.
    var fault: AnswerFault? {
        if let inputs {
            let usable = self.vectors.count { !$0.isEmpty && $0.count % 4 == 0 }
            if usable == inputs, self.vectors.count == inputs { return nil }
            return .incomplete("it has \(usable) usable vectors for \(inputs) inputs")
        }
        switch self.finish {
        case "ERROR": return .brokenOff
        case "TIMEOUT": return .failed(.timeout, reason: self.finish, words: "")
        default: return self.isMessage ? nil : .incomplete("the answer holds no message")
        }
    }

    /// The members that are read once the others are known.
    private struct Places {
        var type = ""
        var index: Int64?
        var delta: Int?
        var message: Int?
        var logprobs: Int?
        /// `message` is words, as in every error of Cohere's.
        var isError = false
    }

    /// Takes a whole body, or the data of an event.
    mutating func take(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) -> AnswerPart {
        var places = Places()
        try reader.enterObject()
        while try reader.nextMember() { try self.takeMember(&reader, &places) }
        try reader.end()
        if places.isError { return .error }
        if let place = places.message {
            reader.seek(to: place)
            try self.takeMessage(&reader, index: nil, &deltas)
        }
        if let place = places.delta {
            reader.seek(to: place)
            try self.takeDelta(&reader, index: places.index, &deltas)
        }
        if let place = places.logprobs {
            reader.seek(to: place)
            try self.logprobs.takeCohere(&reader)
        }
        return places.type == "message-end" ? .end : .part
    }

    private mutating func takeMember(_ reader: inout JSONReader, _ places: inout Places) throws(JSONError) {
        switch reader.keyLength {
        case 4 where reader.keyIs("type"): places.type = try OpenAIAssembler.text(&reader) ?? ""
        case 5 where reader.keyIs("index"): places.index = try OpenAIAssembler.integer(&reader)
        case 5 where reader.keyIs("delta"): places.delta = try Self.place(of: .object, &reader)
        case 7 where reader.keyIs("message"):
            places.isError = try reader.kind() == .string
            places.message = try Self.place(of: .object, &reader)
        case 8 where reader.keyIs("logprobs"):
            places.logprobs = reader.offset
            try reader.skip()
        case 13 where reader.keyIs("finish_reason"): try self.takeFinish(&reader)
        case 5 where reader.keyIs("usage"), 4 where reader.keyIs("meta"): try self.usage.take(&reader)
        case 10 where reader.keyIs("embeddings"): try self.takeVectors(&reader)
        case 2 where reader.keyIs("id"): self.id = try OpenAIAssembler.text(&reader) ?? self.id
        default: try reader.skip()
        }
    }

    private static func place(of kind: JSONReader.Kind, _ reader: inout JSONReader) throws(JSONError) -> Int? {
        let isWanted = try reader.kind() == kind
        let place = reader.offset
        try reader.skip()
        return isWanted ? place : nil
    }

    private mutating func takeFinish(_ reader: inout JSONReader) throws(JSONError) {
        self.finish = try OpenAIAssembler.text(&reader) ?? self.finish
    }

    // MARK: The message

    private mutating func takeDelta(
        _ reader: inout JSONReader,
        index: Int64?,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        var error = ""
        var errorType = ""
        try reader.enterObject()
        while try reader.nextMember() {
            switch reader.keyLength {
            case 7 where reader.keyIs("message"):
                if try reader.kind() == .object {
                    try self.takeMessage(&reader, index: index ?? 0, &deltas)
                } else {
                    try reader.skip()
                }
            case 13 where reader.keyIs("finish_reason"): try self.takeFinish(&reader)
            case 5 where reader.keyIs("usage"): try self.usage.take(&reader)
            case 5 where reader.keyIs("error"): error = try OpenAIAssembler.text(&reader) ?? ""
            case 10 where reader.keyIs("error_type"): errorType = try OpenAIAssembler.text(&reader) ?? ""
            default: try reader.skip()
            }
        }
        guard !error.isEmpty || !errorType.isEmpty else { return }
        self.partError = JSONValue.object(["error": .string(error), "error_type": .string(errorType)]).serialized()
    }

    /// Reads a message: a whole one, or what an event of this index has of it.
    private mutating func takeMessage(
        _ reader: inout JSONReader,
        index: Int64?,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        self.isMessage = true
        var citations: Int?
        try reader.enterObject()
        while try reader.nextMember() {
            switch reader.keyLength {
            case 7 where reader.keyIs("content"):
                try Self.each(&reader) { (reader, position) throws(JSONError) in
                    try self.takeContent(&reader, index: index ?? position, &deltas)
                }
            case 9 where reader.keyIs("tool_plan"):
                let text = try OpenAIAssembler.text(&reader) ?? ""
                try self.add(text, .plan, index: -1, at: reader.offset, &deltas)
            case 10 where reader.keyIs("tool_calls"):
                try Self.each(&reader) { (reader, position) throws(JSONError) in
                    try self.takeCall(&reader, index: index ?? position, &deltas)
                }
            case 9 where reader.keyIs("citations"):
                citations = reader.offset
                try reader.skip()
            default: try reader.skip()
            }
        }
        guard let citations else { return }
        let end = reader.offset
        reader.seek(to: citations)
        try Self.each(&reader) { (reader, _) throws(JSONError) in try self.takeCitation(&reader) }
        reader.seek(to: end)
    }

    /// The one object that an event has, or the objects of an array with their positions.
    private static func each(
        _ reader: inout JSONReader,
        _ body: (inout JSONReader, Int64) throws(JSONError) -> Void
    ) throws(JSONError) {
        switch try reader.kind() {
        case .object: try body(&reader, 0)
        case .array:
            var position: Int64 = 0
            try reader.enterArray()
            while try reader.nextElement() {
                if try reader.kind() == .object { try body(&reader, position) } else { try reader.skip() }
                position += 1
            }
        default: try reader.skip()
        }
    }

    private mutating func takeContent(
        _ reader: inout JSONReader,
        index: Int64,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("text") {
                let text = try OpenAIAssembler.text(&reader) ?? ""
                try self.add(text, .text, index: index, at: reader.offset, &deltas)
            } else if reader.keyIs("thinking") {
                let text = try OpenAIAssembler.text(&reader) ?? ""
                try self.add(text, .thinking, index: index, at: reader.offset, &deltas)
            } else {
                try reader.skip()
            }
        }
    }

    private mutating func add(
        _ text: String,
        _ kind: CohereTurn.Block.Kind,
        index: Int64,
        at offset: Int,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        guard !text.isEmpty else { return }
        try self.turn.add(text, kind, index: index, at: offset)
        self.hasContent = true
        guard self.emits else { return }
        deltas.append(Delta(kind == .text ? .text(text) : .reasoning(text)))
    }

    private mutating func takeCall(
        _ reader: inout JSONReader,
        index: Int64,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        var call = CohereTurn.Call(index: index)
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("id") {
                call.id = try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("function"), try reader.kind() == .object {
                try reader.enterObject()
                while try reader.nextMember() {
                    if reader.keyIs("name") {
                        call.name = try OpenAIAssembler.text(&reader) ?? ""
                    } else if reader.keyIs("arguments"), try reader.kind() == .string {
                        try reader.appendString(to: &call.arguments)
                    } else {
                        try reader.skip()
                    }
                }
            } else {
                try reader.skip()
            }
        }
        let place = try self.turn.add(call, at: reader.offset)
        self.hasContent = true
        guard self.emits, !call.id.isEmpty || !call.name.isEmpty || !call.arguments.isEmpty else { return }
        let delta = ToolCallDelta(call: UInt32(place), id: call.id, name: call.name, arguments: call.arguments)
        deltas.append(Delta(.toolCall(delta)))
    }

    private mutating func takeCitation(_ reader: inout JSONReader) throws(JSONError) {
        let start = reader.offset
        var block: Int64?
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("content_index") {
                block = try OpenAIAssembler.integer(&reader)
            } else {
                try reader.skip()
            }
        }
        reader.seek(to: start)
        self.turn.cite(try reader.raw(), block: block)
    }

    // MARK: Vectors

    /// Vectors by their type, of which floats are asked for; an old answer has them without a type.
    private mutating func takeVectors(_ reader: inout JSONReader) throws(JSONError) {
        switch try reader.kind() {
        case .array: self.vectors = try OpenAIVector.readPlain(&reader)
        case .object:
            try reader.enterObject()
            while try reader.nextMember() {
                if reader.keyIs("float") {
                    self.vectors = try OpenAIVector.readPlain(&reader)
                } else {
                    try reader.skip()
                }
            }
        default: try reader.skip()
        }
    }

    // MARK: The end

    /// The answer as far as it has come.
    func response() -> Response {
        var response: Response
        if self.inputs != nil {
            response = Response(body: .embedding(self.vectors))
        } else {
            var choice = Choice(message: self.turn.message)
            choice.finishReason = self.finishReason
            choice.nativeFinishReason = self.finish
            choice.logprobsJSON = self.logprobs.chatJSON
            response = Response(body: .chat([choice]))
        }
        response.id = self.id
        response.usage = self.usage.normalised
        return response
    }

    private var finishReason: FinishReason {
        switch self.finish {
        case "": .unspecified
        case "COMPLETE", "STOP_SEQUENCE": .stop
        case "MAX_TOKENS": .length
        case "TOOL_CALL": .toolCalls
        case "ERROR_TOXIC": .contentFilter
        default: .other
        }
    }
}
