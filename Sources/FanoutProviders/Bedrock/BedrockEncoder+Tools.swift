// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension BedrockEncoder {
    /// Writes the tools that the model may call, and whether it must.
    ///
    /// There is no way to forbid calls but to leave the tools out, which is refused where earlier turns have calls.
    mutating func writeTools(_ chat: ChatRequest) throws(Failure) {
        guard !chat.tools.isEmpty else { return }
        var isForbidden = false
        if case ToolChoice.none? = chat.toolChoice { isForbidden = true }
        if isForbidden, !Self.hasCalls(chat.messages) { return }
        if isForbidden { try self.refuse("tool_choice none beside earlier calls") }
        self.key("toolConfig")
        self.writer.beginObject()
        self.writer.key("tools")
        self.writer.beginArray()
        for (index, tool) in chat.tools.enumerated() { try self.write(tool, at: index) }
        self.writer.endArray()
        switch chat.toolChoice {
        case nil, ToolChoice.none?: break
        case .auto?: self.writeChoice("auto", tool: nil)
        case .required?: self.writeChoice("any", tool: nil)
        case .named(let names)? where names.count == 1: self.writeChoice("tool", tool: names[0])
        case .named?: try self.refuse("tool_choice with several names")
        }
        self.writer.endObject()
    }

    private static func hasCalls(_ messages: [Message]) -> Bool {
        messages.contains { message in
            message.parts.contains { part in
                switch part.kind {
                case .toolCall, .toolResult: true
                default: false
                }
            }
        }
    }

    private mutating func writeChoice(_ kind: StaticString, tool: String?) {
        self.writer.key("toolChoice")
        self.writer.beginObject()
        self.writer.key(kind)
        self.writer.beginObject()
        if let tool {
            self.writer.key("name")
            self.writer.string(tool)
        }
        self.writer.endObject()
        self.writer.endObject()
    }

    private mutating func write(_ tool: Tool, at index: Int) throws(Failure) {
        if tool.kind != .function {
            guard !tool.specJSON.isEmpty else {
                throw Failure(
                    .invalidRequest,
                    "\(self.endpoint.provider) needs spec_json for a tool that is no function",
                    param: "tools[\(index)].spec_json"
                )
            }
            self.writer.raw(tool.specJSON)
        } else {
            self.writer.beginObject()
            self.writer.key("toolSpec")
            self.writer.beginObject()
            self.writer.key("name")
            self.writer.string(tool.name)
            // An empty one is refused.
            if !tool.description.isEmpty {
                self.writer.key("description")
                self.writer.string(tool.description)
            }
            self.writer.key("inputSchema")
            self.writer.beginObject()
            self.writer.key("json")
            // A tool without parameters still needs a schema, whose type must be an object.
            self.writer.raw(tool.parametersJSON.isEmpty ? Array(#"{"type":"object"}"#.utf8) : tool.parametersJSON)
            self.writer.endObject()
            if let strict = tool.strict {
                self.writer.key("strict")
                self.writer.bool(strict)
            }
            self.writer.endObject()
            self.writer.endObject()
        }
        if let cache = tool.cache { self.writeCachePoint(cache) }
    }

    /// Writes a call that the model made.
    mutating func write(_ call: ToolCall, at place: PartPlace) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("toolUse")
        self.writer.beginObject()
        self.writer.key("toolUseId")
        self.writer.string(call.id)
        self.writer.key("name")
        self.writer.string(call.name)
        self.writer.key("input")
        if call.arguments.isEmpty {
            self.writer.raw(Array("{}".utf8))
        } else {
            let param = "\(Self.path(of: place)).tool_call.arguments"
            try RequestCheck.checkJSON(call.arguments, param, objectOnly: true)
            self.writer.raw(call.arguments)
        }
        self.writer.endObject()
        self.writer.endObject()
    }

    /// Writes what came of a call.
    mutating func write(_ result: ToolResult, at place: PartPlace) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("toolResult")
        self.writer.beginObject()
        self.writer.key("toolUseId")
        self.writer.string(result.callID)
        self.writer.key("content")
        self.writer.beginArray()
        for piece in result.pieces {
            switch piece.kind {
            case .text(let text): self.writeText(text.text)
            case .json(let json):
                self.writer.beginObject()
                self.writer.key("json")
                self.writer.raw(json)
                self.writer.endObject()
            case .image(let media): try self.write(image: media, at: place)
            case .document(let media): try self.write(document: media, at: place)
            case .video(let media): try self.write(video: media, at: place)
            case .audio: throw Self.unsupportedPart("sound can't be sent", place, self.endpoint)
            case .opaque(let opaque): try self.write(opaque, at: place)
            }
        }
        self.writer.endArray()
        if result.isError {
            self.writer.key("status")
            self.writer.string("error")
        }
        self.writer.endObject()
        self.writer.endObject()
        // A prefix may end after a result, not within it.
        if let cache = result.pieces.last(where: { $0.cache != nil })?.cache { self.writeCachePoint(cache) }
    }
}
