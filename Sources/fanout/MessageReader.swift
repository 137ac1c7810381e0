// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Reads `messages` in OpenAI's form.
///
/// A field that has no place in the neutral form is refused unless it is null or empty: nothing that a caller wrote is
/// dropped behind their back, and an answer can still be sent back as it came.
enum MessageReader {
    /// Reads the array of messages.
    static func messages(_ reader: inout JSONReader) throws(Failure) -> [Message] {
        var messages: [Message] = []
        try reader.readElements { (_, reader) throws(Failure) in messages.append(try self.message(&reader)) }
        return messages
    }

    /// The fields of one message, as they come.
    private struct Draft {
        var role: Role?
        var name = ""
        var id = ""
        var callID: String?
        var reasoning = ""
        var content: [Part] = []
        var refusal: String?
        var calls: [Part] = []
        var cache: CacheMarker?
    }

    private static func message(_ reader: inout JSONReader) throws(Failure) -> Message {
        var draft = Draft()
        try reader.readMembers { (key, reader) throws(Failure) in
            switch key {
            case "role": draft.role = try self.role(try reader.readString())
            case "name": draft.name = try reader.readString()
            case "id": draft.id = try reader.readString()
            case "content": draft.content = try self.content(&reader)
            case "refusal": draft.refusal = try reader.readString()
            case "reasoning_content", "reasoning": draft.reasoning = try reader.readString()
            case "tool_calls":
                try reader.readElements { (_, reader) throws(Failure) in
                    draft.calls.append(Part(.toolCall(try ToolReader.call(&reader))))
                }
            case "tool_call_id": draft.callID = try reader.readString()
            case "cache_control": draft.cache = try PartReader.cache(&reader)
            default: try self.refuseUnlessEmpty(&reader)
            }
        }
        guard let role = draft.role else { throw .unreadable("is missing", param: "role") }
        return try self.message(role, draft)
    }

    private static func message(_ role: Role, _ draft: Draft) throws(Failure) -> Message {
        var draft = draft
        if let cache = draft.cache {
            guard let last = draft.content.indices.last else {
                throw .unreadable("needs content to stand behind", param: "cache_control")
            }
            draft.content[last].cache = cache
        }
        var message = Message(role: role, parts: [])
        message.id = draft.id
        if role == .tool {
            guard let callID = draft.callID else { throw .unreadable("is missing", param: "tool_call_id") }
            var result = ToolResult(callID: callID, pieces: try draft.content.map(self.piece))
            result.name = draft.name
            message.parts = [Part(.toolResult(result), cache: draft.cache)]
            return message
        }
        message.name = draft.name
        if !draft.reasoning.isEmpty { message.parts.append(Part(.reasoning(Reasoning(text: draft.reasoning)))) }
        message.parts += draft.content
        if let refusal = draft.refusal { message.parts.append(Part(.refusal(Text(refusal)))) }
        message.parts += draft.calls
        guard !message.parts.isEmpty else { throw .unreadable("has neither content nor tool_calls") }
        return message
    }

    private static func role(_ name: String) throws(Failure) -> Role {
        switch name {
        case "system": return .system
        case "developer": return .developer
        case "user": return .user
        case "assistant": return .assistant
        case "tool": return .tool
        default: throw .unreadable("must be system, developer, user, assistant or tool, not \(name)")
        }
    }

    private static func content(_ reader: inout JSONReader) throws(Failure) -> [Part] {
        if try reader.readKind() == .string { return [Part(.text(Text(try reader.readString())))] }
        guard try reader.readKind() == .array else { throw .unreadable("must be a string or an array of parts") }
        var parts: [Part] = []
        try reader.readElements { (_, reader) throws(Failure) in parts.append(try PartReader.part(&reader)) }
        return parts
    }

    private static func piece(_ part: Part) throws(Failure) -> ToolResult.Piece {
        switch part.kind {
        case .text(let text): return ToolResult.Piece(.text(text), cache: part.cache)
        case .image(let media): return ToolResult.Piece(.image(media), cache: part.cache)
        case .document(let media): return ToolResult.Piece(.document(media), cache: part.cache)
        case .audio(let media): return ToolResult.Piece(.audio(media), cache: part.cache)
        case .video(let media): return ToolResult.Piece(.video(media), cache: part.cache)
        case .opaque(let opaque): return ToolResult.Piece(.opaque(opaque), cache: part.cache)
        case .reasoning, .toolCall, .toolResult, .refusal:
            throw .unreadable("a tool's result holds text, media or data only", param: "content")
        }
    }

    /// `"annotations": []` or `"audio": {}` say nothing and are let pass.
    private static func refuseUnlessEmpty(_ reader: inout JSONReader) throws(Failure) {
        let json = try reader.readRaw().filter { $0 > 0x20 }
        guard json == Array("[]".utf8) || json == Array("{}".utf8) || json == Array("\"\"".utf8) else {
            throw .unreadable("is no field of a message that Fanout can carry: leave it out")
        }
    }
}
