// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// Turns of a conversation and what they are made of.
extension Builder {
    func message(_ value: Message) -> UnsafeMutablePointer<Proto.Message> {
        let message = self.make(fanout__v1__message__init)
        message.pointee.role = Fanout__V1__Role(rawValue: UInt32(value.role.rawValue))
        message.pointee.name = self.text(value.name)
        message.pointee.id = self.text(value.id)
        if let plain = self.plain(value.parts) {
            message.pointee.text = self.text(plain)
        } else {
            message.pointee.n_parts = value.parts.count
            message.pointee.parts = self.list(value.parts, self.part)
        }
        return message
    }

    /// The text of a content that is one plain text; `nil` = it is something else.
    private func plain(_ parts: [Part]) -> String? {
        guard parts.count == 1, let only = parts.first, only.cache == nil, case .text(let text) = only.kind else {
            return nil
        }
        // An empty text is no content in the short form.
        return text.annotationsJSON.isEmpty && !text.text.isEmpty ? text.text : nil
    }

    private func part(_ value: Part) -> UnsafeMutablePointer<Proto.Part> {
        let part = self.make(fanout__v1__part__init)
        switch value.kind {
        case .text(let text):
            part.pointee.kind_case = FANOUT__V1__PART__KIND_TEXT
            part.pointee.text = self.text(text)
        case .image(let media):
            part.pointee.kind_case = FANOUT__V1__PART__KIND_IMAGE
            part.pointee.image = self.media(media)
        case .document(let media):
            part.pointee.kind_case = FANOUT__V1__PART__KIND_DOCUMENT
            part.pointee.document = self.media(media)
        case .audio(let media):
            part.pointee.kind_case = FANOUT__V1__PART__KIND_AUDIO
            part.pointee.audio = self.media(media)
        case .video(let media):
            part.pointee.kind_case = FANOUT__V1__PART__KIND_VIDEO
            part.pointee.video = self.media(media)
        case .reasoning(let reasoning):
            part.pointee.kind_case = FANOUT__V1__PART__KIND_REASONING
            part.pointee.reasoning = self.reasoning(reasoning)
        case .toolCall(let call):
            part.pointee.kind_case = FANOUT__V1__PART__KIND_TOOL_CALL
            part.pointee.tool_call = self.toolCall(call)
        case .toolResult(let result):
            part.pointee.kind_case = FANOUT__V1__PART__KIND_TOOL_RESULT
            part.pointee.tool_result = self.toolResult(result)
        case .refusal(let text):
            part.pointee.kind_case = FANOUT__V1__PART__KIND_REFUSAL
            part.pointee.refusal = self.text(text)
        case .opaque(let opaque):
            part.pointee.kind_case = FANOUT__V1__PART__KIND_OPAQUE
            part.pointee.opaque = self.opaque(opaque)
        }
        part.pointee.cache = self.cacheMarker(value.cache)
        return part
    }

    func cacheMarker(_ value: CacheMarker?) -> UnsafeMutablePointer<Proto.CacheMarker>? {
        guard let value else { return nil }
        let marker = self.make(fanout__v1__cache_marker__init)
        marker.pointee.ttl_ms = value.ttlMilliseconds
        return marker
    }

    private func text(_ value: Text) -> UnsafeMutablePointer<Proto.Text> {
        let text = self.make(fanout__v1__text__init)
        text.pointee.text = self.text(value.text)
        text.pointee.annotations_json = self.bytes(value.annotationsJSON)
        return text
    }

    private func media(_ value: Media) -> UnsafeMutablePointer<Proto.Media> {
        let media = self.make(fanout__v1__media__init)
        media.pointee.mime_type = self.text(value.mimeType)
        switch value.source {
        case .data(let data):
            media.pointee.source_case = FANOUT__V1__MEDIA__SOURCE_DATA
            media.pointee.data = self.bytes(data)
        case .url(let url):
            media.pointee.source_case = FANOUT__V1__MEDIA__SOURCE_URL
            media.pointee.url = self.text(url)
        case .blob(let id):
            media.pointee.source_case = FANOUT__V1__MEDIA__SOURCE_BLOB_ID
            media.pointee.blob_id = id
        case .file(let id):
            media.pointee.source_case = FANOUT__V1__MEDIA__SOURCE_FILE_ID
            media.pointee.file_id = self.text(id)
        }
        media.pointee.name = self.text(value.name)
        media.pointee.detail = self.text(value.detail)
        return media
    }

    private func reasoning(_ value: Reasoning) -> UnsafeMutablePointer<Proto.Reasoning> {
        let reasoning = self.make(fanout__v1__reasoning__init)
        reasoning.pointee.id = self.text(value.id)
        reasoning.pointee.text = self.text(value.text)
        reasoning.pointee.n_summaries = value.summaries.count
        reasoning.pointee.summaries = self.texts(value.summaries)
        reasoning.pointee.signature = self.bytes(value.signature)
        reasoning.pointee.encrypted = self.bytes(value.encrypted)
        reasoning.pointee.signer = self.text(value.signer)
        return reasoning
    }

    private func toolCall(_ value: ToolCall) -> UnsafeMutablePointer<Proto.ToolCall> {
        let call = self.make(fanout__v1__tool_call__init)
        call.pointee.id = self.text(value.id)
        call.pointee.name = self.text(value.name)
        call.pointee.arguments = self.bytes(value.arguments)
        call.pointee.kind = Fanout__V1__ToolKind(rawValue: UInt32(value.kind.rawValue))
        call.pointee.signature = self.bytes(value.signature)
        call.pointee.signer = self.text(value.signer)
        call.pointee.item_id = self.text(value.itemID)
        return call
    }

    private func toolResult(_ value: ToolResult) -> UnsafeMutablePointer<Proto.ToolResult> {
        let result = self.make(fanout__v1__tool_result__init)
        result.pointee.call_id = self.text(value.callID)
        result.pointee.name = self.text(value.name)
        result.pointee.is_error = self.flag(value.isError)
        if let plain = self.plain(value.pieces) {
            result.pointee.text = self.text(plain)
        } else {
            result.pointee.n_parts = value.pieces.count
            result.pointee.parts = self.list(value.pieces, self.piece)
        }
        return result
    }

    private func plain(_ pieces: [ToolResult.Piece]) -> String? {
        guard pieces.count == 1, let only = pieces.first, only.cache == nil, case .text(let text) = only.kind else {
            return nil
        }
        return text.annotationsJSON.isEmpty && !text.text.isEmpty ? text.text : nil
    }

    private func piece(_ value: ToolResult.Piece) -> UnsafeMutablePointer<Proto.ResultPiece> {
        let piece = self.make(fanout__v1__result_piece__init)
        switch value.kind {
        case .text(let text):
            piece.pointee.kind_case = FANOUT__V1__RESULT_PIECE__KIND_TEXT
            piece.pointee.text = self.text(text)
        case .image(let media):
            piece.pointee.kind_case = FANOUT__V1__RESULT_PIECE__KIND_IMAGE
            piece.pointee.image = self.media(media)
        case .document(let media):
            piece.pointee.kind_case = FANOUT__V1__RESULT_PIECE__KIND_DOCUMENT
            piece.pointee.document = self.media(media)
        case .audio(let media):
            piece.pointee.kind_case = FANOUT__V1__RESULT_PIECE__KIND_AUDIO
            piece.pointee.audio = self.media(media)
        case .video(let media):
            piece.pointee.kind_case = FANOUT__V1__RESULT_PIECE__KIND_VIDEO
            piece.pointee.video = self.media(media)
        case .json(let json):
            piece.pointee.kind_case = FANOUT__V1__RESULT_PIECE__KIND_JSON
            piece.pointee.json = self.bytes(json)
        case .opaque(let opaque):
            piece.pointee.kind_case = FANOUT__V1__RESULT_PIECE__KIND_OPAQUE
            piece.pointee.opaque = self.opaque(opaque)
        }
        piece.pointee.cache = self.cacheMarker(value.cache)
        return piece
    }

    private func opaque(_ value: Opaque) -> UnsafeMutablePointer<Proto.Opaque> {
        let opaque = self.make(fanout__v1__opaque__init)
        opaque.pointee.format = self.text(value.format)
        opaque.pointee.type = self.text(value.type)
        opaque.pointee.json = self.bytes(value.json)
        return opaque
    }
}
