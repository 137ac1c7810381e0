// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Reads the one vector that a model of Amazon's Titan Embeddings answers.
///
/// Source: Amazon Bedrock User Guide, "Amazon Titan Embeddings Text".
struct TitanAssembler: AnswerAssembler {
    private var vector: [UInt8] = []
    private var tokens: UInt64?

    /// What the complete answer lacks; nil = nothing.
    var fault: AnswerFault? {
        let isUsable = !self.vector.isEmpty && self.vector.count % 4 == 0
        return isUsable ? nil : .incomplete("it has no usable vector")
    }

    /// Vectors are neither content nor streamed.
    let hasContent = false
    let isFinished = false

    mutating func take(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) -> AnswerPart {
        var words = ""
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("embedding"), try reader.kind() == .array {
                self.vector = try OpenAIVector.read(&reader, sizeHint: 4_096)
            } else if reader.keyIs("inputTextTokenCount") {
                self.tokens = try TokenCount.read(&reader)
            } else if reader.keyIs("message") {
                // Beside a vector it is null, or says what was wrong with an image.
                words = try OpenAIAssembler.text(&reader) ?? ""
            } else {
                try reader.skip()
            }
        }
        try reader.end()
        return self.vector.isEmpty && !words.isEmpty ? .error : .part
    }

    /// The answer.
    func response() -> Response {
        var response = Response(body: .embedding([self.vector]))
        if let tokens {
            var usage = Usage()
            usage.promptTokens = tokens
            usage.totalTokens = tokens
            response.usage = usage
        }
        return response
    }
}
