// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Puts an answer together, whole or streamed, in the form that its provider speaks.
///
/// One type for each form of answer; a streamed answer ends as a whole one would. It stands behind `any`, whose value
/// is changed in its own place: as an enumeration's payload it would be moved out and back for each piece of a stream.
protocol AnswerAssembler: Sendable {
    /// Reads a body or the data of an event, to its end.
    mutating func take(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) -> AnswerPart

    /// Whether the first content was seen.
    var hasContent: Bool { get }

    /// Whether all that was asked for has said why it ended, so that only a terminal marker can be lacking.
    var isFinished: Bool { get }

    /// What a part of the answer says of its own failure: one JSON object, or empty.
    var partError: [UInt8] { get }

    /// What the complete answer lacks; nil = nothing.
    var fault: AnswerFault? { get }

    /// The answer as far as it has come.
    func response() -> Response
}

/// What a body, or the data of one event, was.
enum AnswerPart: Equatable {
    /// A part of the answer, or nothing of importance.
    case part
    /// The stream's terminal marker.
    case end
    /// An error instead of an answer.
    case error
}

/// What is wrong with an answer that is complete.
enum AnswerFault: Equatable {
    /// It lacks what was asked for: the words go after "but".
    case incomplete(String)
    /// The provider broke off.
    case brokenOff
    /// The provider had no capacity to finish it.
    case overloaded
    /// It is a failure of that class, under the provider's own word for it and with its words.
    case failed(FailureCode, reason: String, words: String)
}

extension AnswerAssembler {
    var partError: [UInt8] { [] }
}

extension Endpoint {
    /// An assembler for the answer to a request; `choices`: how many were asked for, nil = a parameter that isn't read
    /// here says.
    func assembler(for request: Request, stream: Bool, choices: Int?) -> any AnswerAssembler {
        switch self.format {
        case .openAI, .simulated:
            return OpenAIAssembler(for: request, quirks: self.quirks, emits: stream, choices: choices)
        case .anthropic:
            return AnthropicAssembler(emits: stream)
        case .cohere:
            return CohereAssembler(for: request, emits: stream)
        case .ollama:
            return OllamaAssembler(for: request, emits: stream)
        case .huggingFace:
            if case .completion(let completion) = request.task {
                return GenerationAssembler(for: completion, emits: stream)
            }
            return OpenAIAssembler(for: request, quirks: self.quirks, emits: stream, choices: choices)
        case .gemini:
            return GeminiAssembler(for: request, emits: stream, choices: choices)
        case .bedrock:
            guard case .embedding = request.task else { return BedrockAssembler(emits: stream) }
            if BedrockModel(self.model).family == .cohere { return CohereAssembler(for: request, emits: false) }
            return TitanAssembler()
        }
    }
}
