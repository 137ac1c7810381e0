// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension Item {
    /// About how many bytes the item takes on the wire, never far below the truth: decides how many go into a frame.
    var wireBytesEstimate: Int {
        var bytes = 64 + self.id.utf8.count + self.request.wireBytesEstimate
        for note in self.metadata { bytes += 8 + note.key.utf8.count + note.value.utf8.count }
        for other in self.fallbackRequests { bytes += 16 + other.request.wireBytesEstimate }
        return bytes
    }
}

extension Request {
    fileprivate var wireBytesEstimate: Int {
        var bytes = self.model.utf8.count + self.extraJSON.count
        switch self.task {
        case .chat(let chat): bytes += chat.wireBytesEstimate
        case .completion(let completion): bytes += completion.prompts.reduce(0) { $0 + 8 + $1.utf8.count }
        case .embedding(let embedding): bytes += embedding.inputs.reduce(0) { $0 + 8 + $1.utf8.count }
        case nil: break
        }
        return bytes
    }
}

extension ChatRequest {
    fileprivate var wireBytesEstimate: Int {
        var bytes = 64
        for message in self.messages {
            bytes += 16
            for part in message.parts { bytes += 16 + part.wireBytesEstimate }
        }
        for tool in self.tools {
            bytes += 32 + tool.name.utf8.count + tool.description.utf8.count + tool.parametersJSON.count
            bytes += tool.specJSON.count
        }
        if case .schema(let schema) = self.responseFormat { bytes += schema.json.count }
        return bytes
    }
}

extension Part {
    fileprivate var wireBytesEstimate: Int {
        switch self.kind {
        case .text(let text), .refusal(let text): text.text.utf8.count + text.annotationsJSON.count
        case .image(let media), .document(let media), .audio(let media), .video(let media): media.wireBytesEstimate
        case .reasoning(let reasoning):
            reasoning.text.utf8.count + reasoning.signature.count + reasoning.encrypted.count
                + reasoning.signer.utf8.count
                + reasoning.summaries.reduce(0) { $0 + $1.utf8.count }
        case .toolCall(let call):
            call.arguments.count + call.name.utf8.count + call.signature.count + call.signer.utf8.count
        case .toolResult(let result): result.pieces.reduce(32) { $0 + $1.wireBytesEstimate }
        case .opaque(let opaque): opaque.json.count
        }
    }
}

extension ToolResult.Piece {
    fileprivate var wireBytesEstimate: Int {
        switch self.kind {
        case .text(let text): text.text.utf8.count
        case .image(let media), .document(let media), .audio(let media), .video(let media): media.wireBytesEstimate
        case .json(let json): json.count
        case .opaque(let opaque): opaque.json.count
        }
    }
}

extension Media {
    fileprivate var wireBytesEstimate: Int {
        switch self.source {
        case .data(let data): data.count + 32
        case .url(let text), .file(let text): text.utf8.count + 32
        case .blob: 40
        }
    }
}
