// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Puts an answer together, whole or streamed, in the form that its provider speaks.
///
/// One case for each form of answer. All have the same interface, and a streamed answer ends as a whole one would.
enum AnswerAssembler: Sendable {
    case openAI(OpenAIAssembler)
    case anthropic(AnthropicAssembler)
    case cohere(CohereAssembler)
    case ollama(OllamaAssembler)
    case generation(GenerationAssembler)
    case gemini(GeminiAssembler)
    case bedrock(BedrockAssembler)
    case titan(TitanAssembler)
    /// Its state is on the stack of ``take(_:deltas:)``, so that nothing is copied.
    case moved

    /// What a body, or the data of one event, was.
    enum Taken: Equatable {
        /// A part of the answer, or nothing of importance.
        case part
        /// The stream's terminal marker.
        case end
        /// An error instead of an answer.
        case error
    }

    /// What is wrong with an answer that is complete.
    enum Fault: Equatable {
        /// It lacks what was asked for: the words go after "but".
        case incomplete(String)
        /// The provider broke off.
        case brokenOff
        /// The provider had no capacity to finish it.
        case overloaded
        /// It is a failure of that class, under the provider's own word for it and with its words.
        case failed(FailureCode, reason: String, words: String)
    }

    /// An assembler for the answer to a request.
    init(for request: Request, endpoint: Endpoint, stream: Bool, choices: Int?) {
        switch endpoint.format {
        case .openAI, .simulated:
            self = .openAI(OpenAIAssembler(for: request, quirks: endpoint.quirks, emits: stream, choices: choices))
        case .anthropic:
            self = .anthropic(AnthropicAssembler(emits: stream))
        case .cohere:
            self = .cohere(CohereAssembler(for: request, emits: stream))
        case .ollama:
            self = .ollama(OllamaAssembler(for: request, emits: stream))
        case .huggingFace:
            if case .completion(let completion) = request.task {
                self = .generation(GenerationAssembler(for: completion, emits: stream))
            } else {
                self = .openAI(OpenAIAssembler(for: request, quirks: endpoint.quirks, emits: stream, choices: choices))
            }
        case .gemini:
            self = .gemini(GeminiAssembler(for: request, emits: stream, choices: choices))
        case .bedrock:
            guard case .embedding = request.task else {
                self = .bedrock(BedrockAssembler(emits: stream))
                return
            }
            let isCohere = BedrockModel(endpoint.model).family == .cohere
            self = isCohere ? .cohere(CohereAssembler(for: request, emits: false)) : .titan(TitanAssembler())
        }
    }

    /// Takes a body or the data of an event.
    mutating func take(_ json: UnsafeBufferPointer<UInt8>, deltas: inout [Delta]) throws(JSONError) -> Taken {
        switch self {
        case .openAI(var assembler):
            self = .moved
            defer { self = .openAI(assembler) }
            return try assembler.take(json, deltas: &deltas) ? .error : .part
        case .anthropic(var assembler):
            self = .moved
            defer { self = .anthropic(assembler) }
            return try assembler.take(json, deltas: &deltas)
        case .cohere(var assembler):
            self = .moved
            defer { self = .cohere(assembler) }
            return try assembler.take(json, deltas: &deltas)
        case .ollama(var assembler):
            self = .moved
            defer { self = .ollama(assembler) }
            return try assembler.take(json, deltas: &deltas)
        case .generation(var assembler):
            self = .moved
            defer { self = .generation(assembler) }
            return try assembler.take(json, deltas: &deltas)
        case .gemini(var assembler):
            self = .moved
            defer { self = .gemini(assembler) }
            return try assembler.take(json, deltas: &deltas)
        case .bedrock(var assembler):
            self = .moved
            defer { self = .bedrock(assembler) }
            return try assembler.take(json, deltas: &deltas)
        case .titan(var assembler):
            self = .moved
            defer { self = .titan(assembler) }
            return try assembler.take(json)
        case .moved:
            preconditionFailure("an assembler was used inside its own call")
        }
    }

    /// Whether the first content was seen.
    var hasContent: Bool {
        switch self {
        case .openAI(let assembler): assembler.hasContent
        case .anthropic(let assembler): assembler.hasContent
        case .cohere(let assembler): assembler.hasContent
        case .ollama(let assembler): assembler.hasContent
        case .generation(let assembler): assembler.hasContent
        case .gemini(let assembler): assembler.hasContent
        case .bedrock(let assembler): assembler.hasContent
        case .titan, .moved: false
        }
    }

    /// Whether all that was asked for has said why it ended, so that only a terminal marker can be lacking.
    var isFinished: Bool {
        switch self {
        case .openAI(let assembler): assembler.isFinished
        case .anthropic(let assembler): assembler.isFinished
        case .cohere(let assembler): assembler.isFinished
        case .ollama(let assembler): assembler.isFinished
        case .generation(let assembler): assembler.isFinished
        case .gemini(let assembler): assembler.isFinished
        case .bedrock(let assembler): assembler.isFinished
        case .titan, .moved: false
        }
    }

    /// What a part of the answer says of its own failure: one JSON object, or empty.
    var partError: [UInt8] {
        switch self {
        case .openAI(let assembler): assembler.choiceError
        case .cohere(let assembler): assembler.partError
        case .anthropic, .gemini, .ollama, .generation, .bedrock, .titan, .moved: []
        }
    }

    /// What the complete answer lacks; nil = nothing.
    var fault: Fault? {
        switch self {
        case .openAI(let assembler): assembler.fault
        case .anthropic(let assembler): assembler.fault
        case .cohere(let assembler): assembler.fault
        case .ollama(let assembler): assembler.fault
        case .generation(let assembler): assembler.fault
        case .gemini(let assembler): assembler.fault
        case .bedrock(let assembler): assembler.fault
        case .titan(let assembler): assembler.fault
        case .moved: nil
        }
    }

    /// The answer as far as it has come.
    func response() -> Response {
        switch self {
        case .openAI(let assembler): assembler.response()
        case .anthropic(let assembler): assembler.response()
        case .cohere(let assembler): assembler.response()
        case .ollama(let assembler): assembler.response()
        case .generation(let assembler): assembler.response()
        case .gemini(let assembler): assembler.response()
        case .bedrock(let assembler): assembler.response()
        case .titan(let assembler): assembler.response()
        case .moved: Response(body: .chat([]))
        }
    }
}
