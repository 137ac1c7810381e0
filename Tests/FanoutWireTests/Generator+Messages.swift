// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel

@testable import FanoutWire

/// Messages with every kind of part.
extension Generator {
    mutating func marker() -> CacheMarker? {
        self.maybe { CacheMarker(ttlMilliseconds: $0.number()) }
    }

    mutating func message() -> Message {
        let role = self.pick([Role.system, .developer, .user, .assistant, .tool])
        var message =
            self.flag()
            ? Message(role: role, text: self.text()) : Message(role: role, parts: self.list { $0.part() })
        message.name = self.name()
        message.id = self.name()
        return message
    }

    mutating func part() -> Part {
        let kind: Part.Kind
        switch self.below(10) {
        case 0: kind = .text(self.plainText())
        case 1: kind = .image(self.media())
        case 2: kind = .document(self.media())
        case 3: kind = .audio(self.media())
        case 4: kind = .video(self.media())
        case 5: kind = .reasoning(self.reasoning())
        case 6: kind = .toolCall(self.toolCall())
        case 7: kind = .toolResult(self.toolResult())
        case 8: kind = .refusal(self.plainText())
        default: kind = .opaque(self.opaque())
        }
        return Part(kind, cache: self.marker())
    }

    private mutating func plainText() -> Text {
        var text = Text(self.text())
        text.annotationsJSON = self.bytes()
        return text
    }

    private mutating func media() -> Media {
        let source: Media.Source
        switch self.below(4) {
        case 0: source = .data(self.bytes())
        case 1: source = .url(self.name())
        case 2: source = .blob(self.number())
        default: source = .file(self.name())
        }
        var media = Media(mimeType: self.name(), source: source)
        media.name = self.name()
        media.detail = self.name()
        return media
    }

    private mutating func reasoning() -> Reasoning {
        var reasoning = Reasoning(text: self.text())
        reasoning.id = self.name()
        reasoning.summaries = self.list { $0.text() }
        reasoning.signature = self.bytes()
        reasoning.encrypted = self.bytes()
        reasoning.signer = self.name()
        return reasoning
    }

    private mutating func toolCall() -> ToolCall {
        var call = ToolCall(id: self.name(), name: self.name(), arguments: self.bytes())
        call.kind = self.pick([.function, .custom, .builtIn])
        call.signature = self.bytes()
        call.signer = self.name()
        call.itemID = self.name()
        return call
    }

    private mutating func toolResult() -> ToolResult {
        var result = ToolResult(callID: self.name(), pieces: self.list { $0.piece() })
        result.name = self.name()
        result.isError = self.flag()
        return result
    }

    private mutating func piece() -> ToolResult.Piece {
        let kind: ToolResult.Piece.Kind
        switch self.below(7) {
        case 0: kind = .text(self.plainText())
        case 1: kind = .image(self.media())
        case 2: kind = .document(self.media())
        case 3: kind = .audio(self.media())
        case 4: kind = .video(self.media())
        case 5: kind = .json(self.bytes())
        default: kind = .opaque(self.opaque())
        }
        return ToolResult.Piece(kind, cache: self.marker())
    }

    private mutating func opaque() -> Opaque {
        Opaque(format: self.name(), type: self.name(), json: self.bytes())
    }
}
