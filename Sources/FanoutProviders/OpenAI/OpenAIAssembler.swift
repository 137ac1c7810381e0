// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Puts an answer in OpenAI's format together: from one whole body, or from the chunks of a stream.
///
/// Both go through the same reader, so a streamed answer ends as the one that was not streamed.
struct OpenAIAssembler: AnswerAssembler {
    /// What was asked for.
    enum Task: Sendable {
        case chat
        case completion
        /// With the number of inputs.
        case embedding(Int)
    }

    let task: Task
    let quirks: Quirks
    /// Deltas are wanted.
    let emits: Bool
    /// How many choices were asked for; nil = a parameter that isn't read here says.
    let expected: Int?
    private(set) var choices: [OpenAIChoice] = []
    private(set) var hasContent = false
    private(set) var partError: [UInt8] = []
    private var id = ""
    private var model = ""
    private var created: Int64 = 0
    private var fingerprint = ""
    private var serviceTier = ""
    private var usage: Usage?
    var vectors: [OpenAIVector] = []

    /// The most choices of an answer.
    static let choicesMax = 4_096
    /// The most tool calls of a choice.
    static let callsMax = 1_024

    init(for request: Request, quirks: Quirks, emits: Bool, choices: Int?) {
        switch request.task {
        case .embedding(let embedding): self.task = .embedding(embedding.inputs.count)
        case .completion: self.task = .completion
        case .chat, nil: self.task = .chat
        }
        self.quirks = quirks
        self.emits = emits
        self.expected = choices
    }

    private var isEmbedding: Bool {
        if case .embedding = self.task { true } else { false }
    }

    /// Whether each of the choices asked for said why it ended.
    var isFinished: Bool {
        guard let expected, !self.choices.isEmpty, self.choices.count >= expected else { return false }
        return self.choices.allSatisfy { !$0.finish.isEmpty }
    }

    /// What the complete answer lacks; nil = nothing.
    var fault: AnswerFault? {
        if case .embedding(let inputs) = self.task {
            if OpenAIVector.areComplete(self.vectors, inputs: inputs) { return nil }
            return .incomplete("it has \(self.vectors.count) usable vectors for \(inputs) inputs")
        }
        if self.choices.isEmpty { return .incomplete("the answer has no choices") }
        for choice in self.choices {
            if choice.finish == "error" { return .brokenOff }
            if choice.finish == "insufficient_system_resource" { return .overloaded }
        }
        return nil
    }

    /// Takes a body or a chunk.
    mutating func take(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) -> AnswerPart {
        var isError = false
        try reader.enterObject()
        while try reader.nextMember() {
            switch reader.keyLength {
            case 7 where reader.keyIs("choices"):
                try self.takeChoices(&reader, deltas: &deltas)
            case 5 where reader.keyIs("error"):
                if try !reader.isNull() {
                    try reader.skip()
                    isError = true
                }
            case 6 where reader.keyIs("object"):
                // By which old vLLM and Mistral mark a failure.
                if try reader.stringIs("error") { isError = true }
            case 4 where self.isEmbedding && reader.keyIs("data"):
                try OpenAIVector.readAll(&reader, into: &self.vectors)
            default:
                try self.takeMetadata(&reader)
            }
        }
        try reader.end()
        return isError ? .error : .part
    }

    private mutating func takeMetadata(_ reader: inout JSONReader) throws(JSONError) {
        switch reader.keyLength {
        case 5 where reader.keyIs("usage"):
            self.usage = try OpenAIUsage.read(&reader, quirks: self.quirks) ?? self.usage
        case 2 where reader.keyIs("id"):
            try Self.keepFirst(&reader, in: &self.id)
        case 5 where reader.keyIs("model"):
            try Self.keepFirst(&reader, in: &self.model)
        case 7 where reader.keyIs("created"):
            self.created = try Self.integer(&reader) ?? self.created
        case 18 where reader.keyIs("system_fingerprint"):
            try Self.keepFirst(&reader, in: &self.fingerprint)
        case 12 where reader.keyIs("service_tier"):
            // OpenAI may say `auto` first and what it came to at the end.
            Self.keep(try Self.text(&reader), in: &self.serviceTier)
        case 6 where reader.keyIs("x_groq"):
            try self.takeGroq(&reader)
        default:
            try reader.skip()
        }
    }

    /// Groq's streams have their usage here.
    private mutating func takeGroq(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("usage") {
                self.usage = try OpenAIUsage.read(&reader, quirks: self.quirks) ?? self.usage
            } else {
                try reader.skip()
            }
        }
    }

    private mutating func takeChoices(_ reader: inout JSONReader, deltas: inout [Delta]) throws(JSONError) {
        guard try reader.kind() == .array else { return try reader.skip() }
        try reader.enterArray()
        var position: UInt32 = 0
        while try reader.nextElement() {
            try self.takeChoice(&reader, position: position, deltas: &deltas)
            position += 1
        }
    }

    /// Reads one choice.
    ///
    /// Its content may come before its index, and is then read once the index is known.
    private mutating func takeChoice(
        _ reader: inout JSONReader,
        position: UInt32,
        deltas: inout [Delta]
    ) throws(JSONError) {
        var place: Int?
        var waiting: [(offset: Int, key: ContentKey)] = []
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("index") {
                place = try self.place(of: try Self.integer(&reader) ?? Int64(position), at: reader.offset)
            } else if let key = ContentKey(&reader) {
                if let place {
                    try self.takeContent(&reader, key: key, place: place, deltas: &deltas)
                } else {
                    waiting.append((reader.offset, key))
                    try reader.skip()
                }
            } else {
                try reader.skip()
            }
        }
        guard !waiting.isEmpty else { return }
        let end = reader.offset
        let known: Int
        if let place { known = place } else { known = try self.place(of: Int64(position), at: end) }
        for (offset, key) in waiting {
            reader.seek(to: offset)
            try self.takeContent(&reader, key: key, place: known, deltas: &deltas)
        }
        reader.seek(to: end)
    }

    /// The members of a choice that mean something.
    private enum ContentKey {
        case delta, message, text, finish, nativeFinish, stop, logprobs, error

        init?(_ reader: inout JSONReader) {
            switch reader.keyLength {
            case 5 where reader.keyIs("delta"): self = .delta
            case 7 where reader.keyIs("message"): self = .message
            case 13 where reader.keyIs("finish_reason"): self = .finish
            case 8 where reader.keyIs("logprobs"): self = .logprobs
            case 4 where reader.keyIs("text"): self = .text
            case 20 where reader.keyIs("native_finish_reason"): self = .nativeFinish
            case 11 where reader.keyIs("stop_reason"): self = .stop
            case 5 where reader.keyIs("error"): self = .error
            default: return nil
            }
        }
    }

    private mutating func takeContent(
        _ reader: inout JSONReader,
        key: ContentKey,
        place: Int,
        deltas: inout [Delta]
    ) throws(JSONError) {
        switch key {
        case .delta: try self.takeTurn(&reader, isWhole: false, place: place, deltas: &deltas)
        case .message: try self.takeTurn(&reader, isWhole: true, place: place, deltas: &deltas)
        case .text: self.take(text: try Self.text(&reader) ?? "", place: place, deltas: &deltas)
        case .finish: Self.keep(try Self.text(&reader), in: &self.choices[place].finish)
        case .nativeFinish: Self.keep(try Self.text(&reader), in: &self.choices[place].nativeFinish)
        case .stop: Self.keep(try Self.text(&reader), in: &self.choices[place].stopSequence)
        case .logprobs:
            if try reader.kind() == .object {
                try self.choices[place].logprobs.take(&reader)
            } else {
                try reader.skip()
            }
        case .error:
            if try reader.kind() == .null { return try reader.skip() }
            self.partError = Array("{\"error\":".utf8) + (try reader.raw()) + [UInt8(ascii: "}")]
        }
    }

    /// Where the choice of an index is kept, made if it is new.
    private mutating func place(of index: Int64, at offset: Int) throws(JSONError) -> Int {
        guard (0..<Int64(Self.choicesMax)).contains(index), let wireIndex = UInt32(exactly: index) else {
            throw JSONError(.numberOutOfRange, at: offset)
        }
        if Int(wireIndex) < self.choices.count, self.choices[Int(wireIndex)].index == wireIndex {
            return Int(wireIndex)
        }
        if let place = self.choices.firstIndex(where: { $0.index == wireIndex }) { return place }
        self.choices.append(OpenAIChoice(index: wireIndex))
        return self.choices.count - 1
    }

    // MARK: What a turn brings

    mutating func take(text: String, place: Int, deltas: inout [Delta]) {
        guard !text.isEmpty else { return }
        self.hasContent = true
        Self.append(text, to: &self.choices[place].text)
        if self.emits { deltas.append(Delta(choice: self.choices[place].index, .text(text))) }
    }

    mutating func take(reasoning: String, place: Int, deltas: inout [Delta]) {
        guard !reasoning.isEmpty else { return }
        self.hasContent = true
        Self.append(reasoning, to: &self.choices[place].reasoning)
        if self.emits { deltas.append(Delta(choice: self.choices[place].index, .reasoning(reasoning))) }
    }

    mutating func take(refusal: String, place: Int, deltas: inout [Delta]) {
        guard !refusal.isEmpty else { return }
        self.hasContent = true
        Self.append(refusal, to: &self.choices[place].refusal)
        if self.emits { deltas.append(Delta(choice: self.choices[place].index, .refusal(refusal))) }
    }

    mutating func take(
        call fragment: OpenAIChoice.Call,
        isWhole: Bool,
        place: Int,
        at offset: Int,
        deltas: inout [Delta]
    ) throws(JSONError) {
        self.hasContent = true
        let call = self.choices[place].place(of: fragment, isWhole: isWhole)
        guard call < Self.callsMax else { throw JSONError(.tooLarge, at: offset) }
        var delta = ToolCallDelta(call: UInt32(call), arguments: fragment.arguments)
        if self.choices[place].calls[call].id.isEmpty {
            self.choices[place].calls[call].id = fragment.id
            delta.id = fragment.id
        }
        if self.choices[place].calls[call].name.isEmpty {
            self.choices[place].calls[call].name = fragment.name
            delta.name = fragment.name
        }
        if fragment.isCustom { self.choices[place].calls[call].isCustom = true }
        self.choices[place].calls[call].arguments.append(contentsOf: fragment.arguments)
        if self.emits { deltas.append(Delta(choice: self.choices[place].index, .toolCall(delta))) }
    }

    /// Reads OpenRouter's items of reasoning.
    mutating func takeDetails(_ reader: inout JSONReader, isWhole: Bool, place: Int) throws(JSONError) {
        try self.choices[place].details.take(&reader, isWhole: isWhole)
    }

    mutating func take(audio: [UInt8], place: Int) {
        self.choices[place].audio = audio
    }

    mutating func take(annotation: [UInt8], place: Int) {
        if !self.choices[place].annotations.isEmpty { self.choices[place].annotations.append(UInt8(ascii: ",")) }
        self.choices[place].annotations.append(contentsOf: annotation)
    }

    // MARK: The end

    /// The answer as far as it has come, choices in order of their index.
    func response() -> Response {
        let sorted = self.choices.sorted { $0.index < $1.index }
        var response =
            switch self.task {
            case .chat: Response(body: .chat(sorted.map { $0.chatChoice() }))
            case .completion: Response(body: .completion(sorted.map { $0.textChoice() }))
            case .embedding: Response(body: .embedding(self.vectors.map(\.bytes)))
            }
        response.id = self.id
        response.model = self.model
        response.created = self.created
        response.usage = self.usage
        response.systemFingerprint = self.fingerprint
        response.serviceTier = self.serviceTier
        return response
    }

    // MARK: Lenient scalars

    /// A string; nil for anything else.
    static func text(_ reader: inout JSONReader) throws(JSONError) -> String? {
        if try reader.kind() == .string { return try reader.string() }
        try reader.skip()
        return nil
    }

    /// A whole number; nil for anything else.
    static func integer(_ reader: inout JSONReader) throws(JSONError) -> Int64? {
        guard try reader.kind() == .number else {
            try reader.skip()
            return nil
        }
        guard case .integer(let value) = try reader.number() else { return nil }
        return value
    }

    /// Keeps a string that each chunk of a stream repeats, without reading it again.
    static func keepFirst(_ reader: inout JSONReader, in place: inout String) throws(JSONError) {
        guard place.isEmpty else { return try reader.skip() }
        self.keep(try self.text(&reader), in: &place)
    }

    private static func keep(_ text: String?, in place: inout String) {
        if let text, !text.isEmpty { place = text }
    }

    private static func append(_ piece: String, to whole: inout String) {
        if whole.isEmpty { whole = piece } else { whole += piece }
    }
}
