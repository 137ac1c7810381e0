// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Puts an answer of Google's generateContent together: from one whole body, from the chunks of a stream, or from the
/// array that a stream without `alt=sse` is; and the vectors of its embedding methods.
///
/// Source: ai.google.dev/api/generate-content and ai.google.dev/api/embeddings, and for Vertex the types of Google's
/// own client (googleapis/python-genai). A stream has no terminal marker: it ends when each candidate said why.
struct GeminiAssembler: AnswerAssembler {
    /// Deltas are wanted.
    let emits: Bool
    /// The vectors asked for; nil = a conversation.
    let inputs: Int?
    /// The candidates that a stream brings at least.
    let expected: Int
    private(set) var hasContent = false
    private var candidates: [GeminiCandidate] = []
    private var vectors: [[UInt8]] = []
    private var id = ""
    private var model = ""
    private var usage = GeminiUsage()
    private var blockReason = ""
    private var blockMessage = ""

    /// The most candidates of an answer.
    static let candidatesMax = 256

    init(for request: Request, emits: Bool, choices: Int?) {
        self.emits = emits
        self.expected = max(choices ?? 1, 1)
        if case .embedding(let embedding) = request.task {
            self.inputs = embedding.inputs.count
        } else {
            self.inputs = nil
        }
    }

    /// Whether each of the candidates asked for said why it ended, or the prompt was blocked, so that none comes.
    var isFinished: Bool {
        if self.candidates.isEmpty { return !self.blockReason.isEmpty }
        return self.candidates.count >= self.expected && self.candidates.allSatisfy { !$0.finish.isEmpty }
    }

    /// What the complete answer lacks; nil = nothing.
    var fault: AnswerFault? {
        if let inputs = self.inputs {
            let usable = self.vectors.count { !$0.isEmpty }
            if usable == inputs, self.vectors.count == inputs { return nil }
            return .incomplete("it has \(usable) usable vectors for \(inputs) inputs")
        }
        guard !self.candidates.isEmpty else {
            if self.blockReason.isEmpty { return .incomplete("the answer has no candidates") }
            return .failed(.contentPolicy, reason: self.blockReason, words: self.blockMessage)
        }
        guard self.candidates.allSatisfy({ !$0.finish.isEmpty }) else {
            return .incomplete("it ended before it said why")
        }
        // Nothing came of the one call that the model tried; another try may go better.
        if let first = self.candidates.first, !self.hasContent,
            self.candidates.allSatisfy({ $0.finish == "MALFORMED_FUNCTION_CALL" })
        {
            return .failed(.schemaMismatch, reason: first.finish, words: first.finishMessage)
        }
        return nil
    }

    /// Takes a whole body, or the data of an event.
    mutating func take(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) -> AnswerPart {
        var isError = false
        if try reader.kind() == .array {
            try reader.enterArray()
            while try reader.nextElement() {
                if try self.takeResponse(&reader, &deltas) { isError = true }
            }
        } else {
            isError = try self.takeResponse(&reader, &deltas)
        }
        try reader.end()
        return isError ? .error : .part
    }

    /// Takes one object; true = it is an error.
    private mutating func takeResponse(
        _ reader: inout JSONReader,
        _ deltas: inout [Delta]
    ) throws(JSONError) -> Bool {
        var isError = false
        // A call without an id is given one of the answer's own, which comes after it in a first piece.
        var candidates: Int?
        try reader.enterObject()
        while try reader.nextMember() {
            switch reader.keyLength {
            case 10 where reader.keyIs("candidates"):
                if self.id.isEmpty {
                    candidates = reader.offset
                    try reader.skip()
                } else {
                    try self.takeCandidates(&reader, &deltas)
                }
            case 13 where reader.keyIs("usageMetadata"):
                try self.usage.take(&reader)
            case 10 where reader.keyIs("responseId"):
                try OpenAIAssembler.keepFirst(&reader, in: &self.id)
            case 12 where reader.keyIs("modelVersion"):
                try OpenAIAssembler.keepFirst(&reader, in: &self.model)
            case 14 where reader.keyIs("promptFeedback"):
                try self.takeFeedback(&reader)
            case 5 where reader.keyIs("error"):
                isError = try reader.kind() != .null
                try reader.skip()
            case _ where self.inputs != nil:
                try self.takeVectors(&reader)
            default:
                try reader.skip()
            }
        }
        guard let candidates, !isError else { return isError }
        let end = reader.offset
        reader.seek(to: candidates)
        try self.takeCandidates(&reader, &deltas)
        reader.seek(to: end)
        return false
    }

    private mutating func takeFeedback(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("blockReason") {
                try Self.keep(&reader, in: &self.blockReason)
            } else if reader.keyIs("blockReasonMessage") {
                try Self.keep(&reader, in: &self.blockMessage)
            } else {
                try reader.skip()
            }
        }
    }

    // MARK: Candidates

    private mutating func takeCandidates(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) {
        guard try reader.kind() == .array else { return try reader.skip() }
        try reader.enterArray()
        var position: Int64 = 0
        while try reader.nextElement() {
            try self.takeCandidate(&reader, at: position, &deltas)
            position += 1
        }
    }

    private mutating func takeCandidate(
        _ reader: inout JSONReader,
        at position: Int64,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        let start = reader.offset
        var index = position
        var content = GeminiParts()
        var hasMetadata = false
        try reader.enterObject()
        // The index may come last, and the place depends on it.
        while try reader.nextMember() {
            if reader.keyIs("index") {
                index = try OpenAIAssembler.integer(&reader) ?? index
            } else if reader.keyIs("content") {
                try content.read(&reader)
            } else {
                hasMetadata = true
                try reader.skip()
            }
        }
        let end = reader.offset
        let place = try self.place(of: index, at: start)
        try self.candidates[place].take(&content, answer: self.id, emits: self.emits, at: start, &deltas)
        if hasMetadata {
            reader.seek(to: start)
            try self.candidates[place].takeMetadata(&reader)
        }
        if self.candidates[place].hasContent { self.hasContent = true }
        reader.seek(to: end)
    }

    /// Where the candidate of an index is kept, made if it is new.
    private mutating func place(of index: Int64, at offset: Int) throws(JSONError) -> Int {
        guard (0..<Int64(Self.candidatesMax)).contains(index), let wireIndex = UInt32(exactly: index) else {
            throw JSONError(.numberOutOfRange, at: offset)
        }
        if Int(wireIndex) < self.candidates.count, self.candidates[Int(wireIndex)].index == wireIndex {
            return Int(wireIndex)
        }
        if let place = self.candidates.firstIndex(where: { $0.index == wireIndex }) { return place }
        self.candidates.append(GeminiCandidate(index: wireIndex))
        return self.candidates.count - 1
    }

    // MARK: Vectors

    /// Takes a member of an embedding method's answer: `embedding`, `embeddings`, or Vertex's `predictions`.
    private mutating func takeVectors(_ reader: inout JSONReader) throws(JSONError) {
        if reader.keyIs("embedding") { return try self.takeVector(&reader) }
        let isPrediction = reader.keyIs("predictions")
        guard isPrediction || reader.keyIs("embeddings"), try reader.kind() == .array else { return try reader.skip() }
        try reader.enterArray()
        while try reader.nextElement() {
            guard isPrediction else {
                try self.takeVector(&reader)
                continue
            }
            try reader.enterObject()
            while try reader.nextMember() {
                if reader.keyIs("embeddings") { try self.takeVector(&reader) } else { try reader.skip() }
            }
        }
    }

    private mutating func takeVector(_ reader: inout JSONReader) throws(JSONError) {
        var vector: [UInt8] = []
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("values") {
                // Vectors of one answer have one size.
                vector = try OpenAIVector.read(&reader, sizeHint: self.vectors.last?.count ?? 0)
            } else if reader.keyIs("statistics") {
                try self.usage.takeStatistics(&reader)
            } else {
                try reader.skip()
            }
        }
        self.vectors.append(vector)
    }

    // MARK: The end

    /// The answer as far as it has come, candidates in order of their index.
    func response() -> Response {
        let sorted = self.candidates.sorted { $0.index < $1.index }
        var response = Response(
            body: self.inputs == nil ? .chat(sorted.map { $0.choice() }) : .embedding(self.vectors)
        )
        response.id = self.id
        response.model = self.model
        response.usage = self.usage.normalised
        response.serviceTier = self.usage.serviceTier
        return response
    }

    /// Keeps a string; anything else, and an empty one, is passed over.
    static func keep(_ reader: inout JSONReader, in place: inout String) throws(JSONError) {
        if let text = try OpenAIAssembler.text(&reader), !text.isEmpty { place = text }
    }
}
