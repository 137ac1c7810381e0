// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Reads tools, tool calls, tool choices and answer formats in OpenAI's form.
///
/// Schemas are kept as they are written: the order of their members matters to some models.
enum ToolReader {
    /// Reads `tools`.
    static func tools(_ reader: inout JSONReader) throws(Failure) -> [Tool] {
        var tools: [Tool] = []
        try reader.readElements { (_, reader) throws(Failure) in tools.append(try self.tool(&reader)) }
        return tools
    }

    private static func tool(_ reader: inout JSONReader) throws(Failure) -> Tool {
        let json = try reader.readObjectRaw()
        var type = ""
        var function: Tool?
        var custom: String?
        var marker: CacheMarker?
        var stranger: String?
        try withJSONReader(json) { (reader) throws(Failure) in
            try reader.readMembers { (key, reader) throws(Failure) in
                switch key {
                case "type": type = try reader.readString()
                case "function": function = try self.function(&reader)
                case "custom": custom = try self.name(&reader)
                case "cache_control": marker = try PartReader.cache(&reader)
                default:
                    stranger = key
                    try reader.skipValue()
                }
            }
        }
        switch type {
        case "function":
            if let stranger { throw .unreadable("is no field of a tool of type function", param: stranger) }
            guard var function else { throw .unreadable("is missing", param: "function") }
            function.cache = marker
            return function
        case "": throw .unreadable("is missing", param: "type")
        default:
            var tool = Tool(name: custom ?? type)
            tool.kind = type == "custom" ? .custom : .builtIn
            tool.specJSON = json
            tool.cache = marker
            return tool
        }
    }

    private static func function(_ reader: inout JSONReader) throws(Failure) -> Tool {
        var tool = Tool(name: "")
        try reader.readMembers { (key, reader) throws(Failure) in
            switch key {
            case "name": tool.name = try reader.readString()
            case "description": tool.description = try reader.readString()
            case "parameters": tool.parametersJSON = try reader.readObjectRaw()
            case "strict": tool.strict = try reader.readBool()
            default: throw .unreadable("is no field of a function")
            }
        }
        guard !tool.name.isEmpty else { throw .unreadable("is missing", param: "name") }
        return tool
    }

    /// The `name` in an object, whatever else is in it.
    private static func name(_ reader: inout JSONReader) throws(Failure) -> String {
        var name: String?
        try reader.readMembers { (key, reader) throws(Failure) in
            if key == "name" { name = try reader.readString() } else { try reader.skipValue() }
        }
        guard let name else { throw .unreadable("is missing", param: "name") }
        return name
    }

    /// Reads one of `tool_calls`.
    static func call(_ reader: inout JSONReader) throws(Failure) -> ToolCall {
        var call = ToolCall(id: "", name: "", arguments: [])
        try reader.readMembers { (key, reader) throws(Failure) in
            switch key {
            case "id": call.id = try reader.readString()
            case "type":
                let type = try reader.readString()
                guard type == "function" || type == "custom" else { throw .unreadable("must be function or custom") }
                call.kind = type == "custom" ? .custom : .function
            // Some streams leave their counter in.
            case "index": try reader.skipValue()
            case "function", "custom":
                try reader.readMembers { (key, reader) throws(Failure) in
                    switch key {
                    case "name": call.name = try reader.readString()
                    case "arguments", "input": call.arguments = Array(try reader.readString().utf8)
                    default: throw .unreadable("is no field of a tool call")
                    }
                }
            default: throw .unreadable("is no field of a tool call")
            }
        }
        guard !call.name.isEmpty else { throw .unreadable("is missing", param: "function.name") }
        return call
    }

    /// Reads `tool_choice`; `nil` = a form that only the provider knows.
    static func choice(_ json: [UInt8]) throws(Failure) -> ToolChoice? {
        try withJSONReader(json) { (reader) throws(Failure) -> ToolChoice? in
            if try reader.readKind() == .string {
                let word = try reader.readString()
                switch word {
                case "auto": return .auto
                case "none": return ToolChoice.none
                case "required", "any": return .required
                default: throw .unreadable("must be auto, none, required or a tool, not \(word)")
                }
            }
            var name: String?
            try reader.readMembers { (key, reader) throws(Failure) in
                switch key {
                case "function", "custom": name = try self.name(&reader)
                default: try reader.skipValue()
                }
            }
            return name.map { .named([$0]) }
        }
    }

    /// Reads `response_format`; `nil` = a form that only the provider knows.
    static func format(_ json: [UInt8]) throws(Failure) -> ResponseFormat? {
        try withJSONReader(json) { (reader) throws(Failure) -> ResponseFormat? in
            var type = ""
            var schema: ResponseFormat.Schema?
            try reader.readMembers { (key, reader) throws(Failure) in
                switch key {
                case "type": type = try reader.readString()
                case "json_schema": schema = try self.schema(&reader)
                default: try reader.skipValue()
                }
            }
            switch type {
            case "text": return .text
            case "json_object": return .json
            case "json_schema":
                guard let schema else { throw .unreadable("is missing", param: "json_schema") }
                return .schema(schema)
            default: return nil
            }
        }
    }

    private static func schema(_ reader: inout JSONReader) throws(Failure) -> ResponseFormat.Schema {
        var schema = ResponseFormat.Schema(name: "", json: [])
        try reader.readMembers { (key, reader) throws(Failure) in
            switch key {
            case "name": schema.name = try reader.readString()
            case "description": schema.description = try reader.readString()
            case "schema": schema.json = try reader.readObjectRaw()
            case "strict": schema.strict = try reader.readBool()
            default: throw .unreadable("is no field of json_schema")
            }
        }
        guard !schema.json.isEmpty else { throw .unreadable("is missing", param: "schema") }
        return schema
    }
}
