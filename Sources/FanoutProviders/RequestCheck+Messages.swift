// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension RequestCheck {
    /// Looks at a conversation.
    static func check(_ messages: [Message]) throws(Failure) {
        var calls: Set<String> = []
        for (index, message) in messages.enumerated() {
            if !message.name.isEmpty { try self.checkName(message.name, "messages[\(index)].name") }
            if message.role == .tool, message.parts.isEmpty {
                throw self.invalid("a tool's turn needs a result", "messages[\(index)]")
            }
            // The one plain text that most turns are can't be at fault.
            if message.parts.count == 1, message.role != .tool, case .text = message.parts[0].kind { continue }
            for (place, part) in message.parts.enumerated() {
                try self.check(part, of: message.role, at: (index, place), calls: &calls)
            }
        }
    }

    private static func check(
        _ part: Part,
        of role: Role,
        at place: (message: Int, part: Int),
        calls: inout Set<String>
    ) throws(Failure) {
        func path(_ field: String = "") -> String { "messages[\(place.message)].parts[\(place.part)]\(field)" }
        switch part.kind {
        case .text:
            guard role != .tool else { throw self.invalid("a tool's turn holds only results", path()) }
        case .image(let media), .document(let media), .audio(let media), .video(let media):
            guard role != .tool else { throw self.invalid("a tool's turn holds only results", path()) }
            try self.check(media, path())
        case .reasoning, .refusal:
            guard role == .assistant else { throw self.invalid("it belongs in an assistant's turn", path()) }
        case .toolCall(let call):
            guard role == .assistant else { throw self.invalid("a call belongs in an assistant's turn", path()) }
            try self.checkName(call.id, path(".id"))
            try self.checkName(call.name, path(".name"), isRequired: true)
            if call.kind == .function, !call.arguments.isEmpty {
                try self.checkJSON(call.arguments, path(".arguments"), objectOnly: false)
            }
            calls.insert(call.id)
        case .toolResult(let result):
            guard role == .tool || role == .user else {
                throw self.invalid("a result belongs in a tool's turn", path())
            }
            try self.checkName(result.callID, path(".call_id"), isRequired: true)
            guard calls.contains(result.callID) else {
                throw self.invalid("no call of that id was made before", path(".call_id"))
            }
            try self.check(result, path())
        case .opaque(let opaque):
            try self.checkJSON(opaque.json, path(".json"), objectOnly: true)
        }
    }

    private static func check(_ result: ToolResult, _ path: String) throws(Failure) {
        try self.checkName(result.name, "\(path).name")
        for (index, piece) in result.pieces.enumerated() {
            let place = "\(path).parts[\(index)]"
            switch piece.kind {
            case .text: break
            case .image(let media), .document(let media), .audio(let media), .video(let media):
                try self.check(media, place)
            case .json(let json): try self.checkJSON(json, "\(place).json", objectOnly: false)
            case .opaque(let opaque): try self.checkJSON(opaque.json, "\(place).json", objectOnly: true)
            }
        }
    }

    private static func check(_ media: Media, _ path: String) throws(Failure) {
        try self.checkName(media.mimeType, "\(path).mime_type")
        try self.checkName(media.detail, "\(path).detail")
        switch media.source {
        case .data(let bytes):
            guard !bytes.isEmpty else { throw self.invalid("it is empty", "\(path).data") }
            guard !media.mimeType.isEmpty else { throw self.invalid("bytes need a type", "\(path).mime_type") }
        case .url(let url):
            guard !url.isEmpty, !url.utf8.contains(0) else { throw self.invalid("it is no URL", "\(path).url") }
            guard !DataURL.isOne(url) || DataURL(url) != nil else {
                throw self.invalid("it must be data:TYPE;base64, and whole base64 that isn't empty", "\(path).url")
            }
        case .file(let id): try self.checkName(id, "\(path).file_id", isRequired: true)
        case .blob: break
        }
    }
}
