// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension AnthropicEncoder {
    /// Writes the tools that the model may call.
    mutating func writeTools(_ tools: [Tool]) throws(Failure) {
        self.writer.beginArray()
        for (index, tool) in tools.enumerated() {
            if tool.kind != .function {
                guard !tool.specJSON.isEmpty else {
                    throw Failure(
                        .invalidRequest,
                        "\(self.endpoint.provider) needs spec_json for a tool that is no function",
                        param: "tools[\(index)].spec_json"
                    )
                }
                self.writer.raw(tool.specJSON)
                continue
            }
            self.writer.beginObject()
            self.writer.key("name")
            self.writer.string(tool.name)
            if !tool.description.isEmpty {
                self.writer.key("description")
                self.writer.string(tool.description)
            }
            self.writer.key("input_schema")
            try self.writeSchema(tool.parametersJSON, param: "tools[\(index)].parameters_json")
            if let strict = tool.strict {
                self.writer.key("strict")
                self.writer.bool(strict)
            }
            if let cache = tool.cache { self.writeCache(cache) }
            self.writer.endObject()
        }
        self.writer.endArray()
    }

    /// Writes the schema of a tool's input, which must be that of an object and say so, even if it says nothing else.
    private mutating func writeSchema(_ json: [UInt8], param: String) throws(Failure) {
        guard !json.isEmpty else { return self.writer.raw(Array(#"{"type":"object"}"#.utf8)) }
        let members: [JSONMember]
        do throws(JSONError) {
            members = try jsonMembers(of: json)
        } catch {
            throw RequestCheck.invalid("it must be one JSON object: \(error)", param)
        }
        if let type = members.first(where: { $0.key == "type" }) {
            guard json[type.value].elementsEqual("\"object\"".utf8) else {
                throw RequestCheck.invalid("\(self.endpoint.provider) takes only the type \"object\"", "\(param).type")
            }
            return self.writer.raw(json)
        }
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string("object")
        for member in members {
            self.writer.key(member.key)
            self.writer.raw(Array(json[member.value]))
        }
        self.writer.endObject()
    }

    /// Writes whether and what the model must call, and whether one at a time.
    mutating func writeToolChoice(_ chat: ChatRequest) {
        guard !chat.tools.isEmpty, self.wants("tool_choice") else { return }
        let isSerial = chat.parallelToolCalls == false
        let type: String
        var name: String?
        switch chat.toolChoice {
        case nil:
            guard isSerial else { return }
            type = "auto"
        case .auto?: type = "auto"
        case ToolChoice.none?: type = "none"
        case .required?: type = "any"
        case .named(let names)? where names.count == 1:
            type = "tool"
            name = names[0]
        case .named?:
            // Not taken: nothing with several names comes here.
            return
        }
        self.key("tool_choice")
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string(type)
        if let name {
            self.writer.key("name")
            self.writer.string(name)
        }
        if isSerial, type != "none" {
            self.writer.key("disable_parallel_tool_use")
            self.writer.bool(true)
        }
        self.writer.endObject()
    }

    /// Writes a call that the model made.
    mutating func write(_ call: ToolCall, cache: CacheMarker?, at place: PartPlace) throws(Failure) {
        self.beginBlock("tool_use")
        self.writer.key("id")
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
        self.endBlock(cache)
    }

    /// Writes what came of a call.
    mutating func write(_ result: ToolResult, cache: CacheMarker?, at place: PartPlace) throws(Failure) {
        self.beginBlock("tool_result")
        self.writer.key("tool_use_id")
        self.writer.string(result.callID)
        self.writer.key("content")
        if result.pieces.count == 1, result.pieces[0].cache == nil, case .text(let text) = result.pieces[0].kind {
            self.writer.string(text.text)
        } else {
            self.writer.beginArray()
            for piece in result.pieces { try self.write(piece, at: place) }
            self.writer.endArray()
        }
        if result.isError {
            self.writer.key("is_error")
            self.writer.bool(true)
        }
        self.endBlock(cache)
    }
}
