// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// Turns of a conversation and what they are made of.
extension Reader {
    func message(_ message: UnsafeMutablePointer<Proto.Message>) throws(Fault) -> Message {
        guard let role = try self.choice(message.pointee.role, "role", unknown: Role.assistant) else {
            if self.isLenient { return try self.message(message, role: .assistant) }
            throw Fault(.invalidRequest, "role", "is missing")
        }
        return try self.message(message, role: role)
    }

    private func message(
        _ message: UnsafeMutablePointer<Proto.Message>,
        role: Role
    ) throws(Fault) -> Message {
        var value: Message
        if message.pointee.text.len > 0 {
            if message.pointee.n_parts > 0 {
                throw Fault(.invalidRequest, "text", "stands beside parts; give one of them")
            }
            value = Message(role: role, text: try self.text(message.pointee.text, "text"))
        } else {
            let parts = try self.list(
                message.pointee.n_parts,
                message.pointee.parts,
                max: self.caps.parts,
                "parts",
                self.part
            )
            value = Message(role: role, parts: self.isLenient ? parts.compactMap(\.self) : try self.whole(parts))
        }
        if message.pointee.name.len > 0 { value.name = try self.name(message.pointee.name, "name") }
        if message.pointee.id.len > 0 { value.id = try self.identifier(message.pointee.id, "id") }
        return value
    }

    /// The parts, none of which may be of a kind that this version doesn't know.
    private func whole<Value>(_ parts: [Value?]) throws(Fault) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(parts.count)
        for (index, part) in parts.enumerated() {
            guard let part else {
                throw Fault(.invalidRequest, "parts[\(index)]", "is empty or of a kind that this version doesn't know")
            }
            values.append(part)
        }
        return values
    }

    private func part(_ part: UnsafeMutablePointer<Proto.Part>) throws(Fault) -> Part? {
        guard let kind = try self.kind(part) else { return nil }
        return Part(kind, cache: try self.one(part.pointee.cache, "cache", self.cacheMarker))
    }

    private func kind(_ part: UnsafeMutablePointer<Proto.Part>) throws(Fault) -> Part.Kind? {
        switch part.pointee.kind_case {
        case FANOUT__V1__PART__KIND_TEXT:
            try self.one(part.pointee.text, "text", self.text).map { .text($0) }
        case FANOUT__V1__PART__KIND_IMAGE:
            try self.one(part.pointee.image, "image", self.media).map { .image($0) }
        case FANOUT__V1__PART__KIND_DOCUMENT:
            try self.one(part.pointee.document, "document", self.media).map { .document($0) }
        case FANOUT__V1__PART__KIND_AUDIO:
            try self.one(part.pointee.audio, "audio", self.media).map { .audio($0) }
        case FANOUT__V1__PART__KIND_VIDEO:
            try self.one(part.pointee.video, "video", self.media).map { .video($0) }
        case FANOUT__V1__PART__KIND_REASONING:
            try self.one(part.pointee.reasoning, "reasoning", self.reasoning).map { .reasoning($0) }
        case FANOUT__V1__PART__KIND_TOOL_CALL:
            try self.one(part.pointee.tool_call, "tool_call", self.toolCall).map { .toolCall($0) }
        case FANOUT__V1__PART__KIND_TOOL_RESULT:
            try self.one(part.pointee.tool_result, "tool_result", self.toolResult).map { .toolResult($0) }
        case FANOUT__V1__PART__KIND_REFUSAL:
            try self.one(part.pointee.refusal, "refusal", self.text).map { .refusal($0) }
        case FANOUT__V1__PART__KIND_OPAQUE:
            try self.one(part.pointee.opaque, "opaque", self.opaque).map { .opaque($0) }
        default:
            nil
        }
    }

    private func cacheMarker(_ marker: UnsafeMutablePointer<Proto.CacheMarker>) throws(Fault) -> CacheMarker {
        CacheMarker(ttlMilliseconds: marker.pointee.ttl_ms)
    }

    private func text(_ text: UnsafeMutablePointer<Proto.Text>) throws(Fault) -> Text {
        var value = Text(try self.text(text.pointee.text, "text"))
        value.annotationsJSON = self.bytes(text.pointee.annotations_json)
        return value
    }

    private func media(_ media: UnsafeMutablePointer<Proto.Media>) throws(Fault) -> Media {
        var value = Media(
            mimeType: try self.name(media.pointee.mime_type, "mime_type"),
            source: try self.source(media)
        )
        value.name = try self.identifier(media.pointee.name, "name")
        value.detail = try self.name(media.pointee.detail, "detail")
        return value
    }

    private func source(_ media: UnsafeMutablePointer<Proto.Media>) throws(Fault) -> Media.Source {
        switch media.pointee.source_case {
        case FANOUT__V1__MEDIA__SOURCE_DATA: return .data(self.bytes(media.pointee.data))
        case FANOUT__V1__MEDIA__SOURCE_URL: return .url(try self.text(media.pointee.url, "url"))
        case FANOUT__V1__MEDIA__SOURCE_BLOB_ID: return .blob(media.pointee.blob_id)
        case FANOUT__V1__MEDIA__SOURCE_FILE_ID: return .file(try self.identifier(media.pointee.file_id, "file_id"))
        default: throw Fault(.invalidRequest, "source", "is missing: give data, url, blob_id or file_id")
        }
    }

    private func reasoning(_ reasoning: UnsafeMutablePointer<Proto.Reasoning>) throws(Fault) -> Reasoning {
        var value = Reasoning(text: try self.text(reasoning.pointee.text, "text"))
        value.id = try self.identifier(reasoning.pointee.id, "id")
        value.summaries = try self.strings(
            reasoning.pointee.n_summaries,
            reasoning.pointee.summaries,
            max: self.caps.texts,
            "summaries",
            self.text
        )
        value.signature = self.bytes(reasoning.pointee.signature)
        value.encrypted = self.bytes(reasoning.pointee.encrypted)
        value.signer = try self.name(reasoning.pointee.signer, "signer")
        return value
    }

    private func toolCall(_ call: UnsafeMutablePointer<Proto.ToolCall>) throws(Fault) -> ToolCall {
        var value = ToolCall(
            id: try self.identifier(call.pointee.id, "id"),
            name: try self.name(call.pointee.name, "name"),
            arguments: self.bytes(call.pointee.arguments)
        )
        value.kind = try self.choice(call.pointee.kind, "kind", unknown: ToolKind.builtIn) ?? .function
        value.signature = self.bytes(call.pointee.signature)
        value.signer = try self.name(call.pointee.signer, "signer")
        value.itemID = try self.identifier(call.pointee.item_id, "item_id")
        return value
    }

    private func toolResult(_ result: UnsafeMutablePointer<Proto.ToolResult>) throws(Fault) -> ToolResult {
        var value = ToolResult(callID: try self.identifier(result.pointee.call_id, "call_id"), pieces: [])
        value.name = try self.name(result.pointee.name, "name")
        value.isError = result.pointee.is_error != 0
        if result.pointee.text.len > 0 {
            if result.pointee.n_parts > 0 {
                throw Fault(.invalidRequest, "text", "stands beside parts; give one of them")
            }
            value.pieces = [ToolResult.Piece(.text(Text(try self.text(result.pointee.text, "text"))))]
        } else {
            let pieces = try self.list(
                result.pointee.n_parts,
                result.pointee.parts,
                max: self.caps.parts,
                "parts",
                self.piece
            )
            value.pieces = self.isLenient ? pieces.compactMap(\.self) : try self.whole(pieces)
        }
        return value
    }

    private func piece(_ piece: UnsafeMutablePointer<Proto.ResultPiece>) throws(Fault) -> ToolResult.Piece? {
        guard let kind = try self.kind(piece) else { return nil }
        return ToolResult.Piece(kind, cache: try self.one(piece.pointee.cache, "cache", self.cacheMarker))
    }

    private func kind(_ piece: UnsafeMutablePointer<Proto.ResultPiece>) throws(Fault) -> ToolResult.Piece.Kind? {
        switch piece.pointee.kind_case {
        case FANOUT__V1__RESULT_PIECE__KIND_TEXT:
            try self.one(piece.pointee.text, "text", self.text).map { .text($0) }
        case FANOUT__V1__RESULT_PIECE__KIND_IMAGE:
            try self.one(piece.pointee.image, "image", self.media).map { .image($0) }
        case FANOUT__V1__RESULT_PIECE__KIND_DOCUMENT:
            try self.one(piece.pointee.document, "document", self.media).map { .document($0) }
        case FANOUT__V1__RESULT_PIECE__KIND_AUDIO:
            try self.one(piece.pointee.audio, "audio", self.media).map { .audio($0) }
        case FANOUT__V1__RESULT_PIECE__KIND_VIDEO:
            try self.one(piece.pointee.video, "video", self.media).map { .video($0) }
        case FANOUT__V1__RESULT_PIECE__KIND_JSON:
            .json(self.bytes(piece.pointee.json))
        case FANOUT__V1__RESULT_PIECE__KIND_OPAQUE:
            try self.one(piece.pointee.opaque, "opaque", self.opaque).map { .opaque($0) }
        default:
            nil
        }
    }

    private func opaque(_ opaque: UnsafeMutablePointer<Proto.Opaque>) throws(Fault) -> Opaque {
        Opaque(
            format: try self.name(opaque.pointee.format, "format"),
            type: try self.name(opaque.pointee.type, "type"),
            json: self.bytes(opaque.pointee.json)
        )
    }
}
