// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension GeminiEncoder {
    /// Writes the tools that the model may call: the functions in one list, then Google's own.
    mutating func writeTools(_ chat: ChatRequest) throws(Failure) {
        guard !chat.tools.isEmpty, self.leaves("tools") else { return }
        for (index, tool) in chat.tools.enumerated() where tool.kind == .custom {
            throw Failure(
                .unsupportedParameter,
                "tools[\(index)]: \(self.endpoint.provider) takes functions and its own tools, no custom ones",
                param: "tools[\(index)]"
            )
        }
        self.key("tools")
        self.writer.beginArray()
        if chat.tools.contains(where: { $0.kind == .function }) {
            self.writer.beginObject()
            self.writer.key("functionDeclarations")
            self.writer.beginArray()
            for (index, tool) in chat.tools.enumerated() where tool.kind == .function {
                try self.writeFunction(tool, at: index)
            }
            self.writer.endArray()
            self.writer.endObject()
        }
        for tool in chat.tools where tool.kind == .builtIn { self.writer.raw(tool.specJSON) }
        self.writer.endArray()
    }

    private mutating func writeFunction(_ tool: Tool, at index: Int) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("name")
        self.writer.string(tool.name)
        if !tool.description.isEmpty {
            self.writer.key("description")
            self.writer.string(tool.description)
        }
        if !tool.parametersJSON.isEmpty {
            if GeminiSchema.isGoogles(tool.parametersJSON) {
                self.writer.key("parameters")
            } else {
                let param = "tools[\(index)].parameters_json"
                try self.check(tool.parametersJSON, isStrict: tool.strict == true, param)
                self.writer.key("parametersJsonSchema")
            }
            self.writer.raw(tool.parametersJSON)
        }
        self.writer.endObject()
    }

    /// Writes whether and what the model must call.
    ///
    /// Calls are held to their schemas where one is required (ANY), and, where it isn't, in the mode VALIDATED, which
    /// a strict tool asks for.
    mutating func writeToolConfig(_ chat: ChatRequest) throws(Failure) {
        if chat.parallelToolCalls == false, !chat.tools.isEmpty { try self.refuse("parallel_tool_calls") }
        var mode: String?
        var names: [String] = []
        let isStrict = chat.tools.contains { $0.kind == .function && $0.strict == true }
        switch chat.toolChoice {
        case nil: mode = isStrict ? "VALIDATED" : nil
        case .auto?: mode = isStrict ? "VALIDATED" : "AUTO"
        case ToolChoice.none?: mode = "NONE"
        case .required?: mode = "ANY"
        case .named(let wanted)?:
            mode = "ANY"
            names = wanted
            for (index, name) in wanted.enumerated()
            where !chat.tools.contains(where: { $0.kind == .function && $0.name == name }) {
                let param = "tool_choice.names[\(index)]"
                throw Failure(.unsupportedParameter, "\(param): only a function can be demanded", param: param)
            }
        }
        if chat.tools.isEmpty { mode = nil }
        if self.ownToolConfig.asksForFragments {
            throw Failure(
                .unsupportedParameter,
                "toolConfig: streamFunctionCallArguments can't be asked for, since calls are read whole here",
                param: "extra_json.toolConfig"
            )
        }
        let isOurs = mode != nil && !self.ownToolConfig.has("functionCallingConfig")
        guard isOurs || !self.ownToolConfig.isEmpty else { return }
        self.key("toolConfig")
        self.writer.beginObject()
        if isOurs, let mode {
            self.writer.key("functionCallingConfig")
            self.writer.beginObject()
            self.writer.key("mode")
            self.writer.string(mode)
            if !names.isEmpty {
                self.writer.key("allowedFunctionNames")
                self.writer.beginArray()
                for name in names { self.writer.string(name) }
                self.writer.endArray()
            }
            self.writer.endObject()
        }
        self.ownToolConfig.write(to: &self.writer)
        self.writer.endObject()
    }

    /// Writes a call that the model made.
    mutating func write(_ call: ToolCall, at place: PartPlace) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("functionCall")
        self.writer.beginObject()
        self.writeID(call.id)
        self.writer.key("name")
        self.writer.string(call.name)
        self.writer.key("args")
        if call.arguments.isEmpty {
            self.writer.raw(Array("{}".utf8))
        } else {
            let param = "\(Self.path(of: place)).tool_call.arguments"
            try RequestCheck.checkJSON(call.arguments, param, objectOnly: true)
            self.writer.raw(call.arguments)
        }
        self.writer.endObject()
        self.endPart(proof: call.signature)
    }

    /// An id that was made up here means nothing there.
    private mutating func writeID(_ id: String) {
        guard !id.isEmpty, !id.hasPrefix(Self.madePrefix) else { return }
        self.writer.key("id")
        self.writer.string(id)
    }

    // MARK: Results

    /// Writes what came of a call: an object, under `output` or `error` where it is anything else.
    mutating func write(_ result: ToolResult, at place: PartPlace, of messages: [Message]) throws(Failure) {
        let name = result.name.isEmpty ? Self.name(ofCall: result.callID, before: place, in: messages) : result.name
        self.writer.beginObject()
        self.writer.key("functionResponse")
        self.writer.beginObject()
        self.writeID(result.callID)
        self.writer.key("name")
        self.writer.string(name)
        self.writer.key("response")
        let values = result.pieces.filter { !$0.kind.isMedium }
        if !result.isError, values.count == 1, case .json(let json) = values[0].kind, Self.isObject(json) {
            self.writer.raw(json)
        } else {
            self.writeResponse(values, isError: result.isError)
        }
        try self.writeMedia(of: result, at: place)
        self.writer.endObject()
        self.writer.endObject()
    }

    private mutating func writeResponse(_ values: [ToolResult.Piece], isError: Bool) {
        self.writer.beginObject()
        if !values.isEmpty || isError {
            self.writer.key(isError ? "error" : "output")
            if values.count != 1 { self.writer.beginArray() }
            for value in values {
                switch value.kind {
                case .text(let text): self.writer.string(text.text)
                case .json(let json): self.writer.raw(json)
                case .image, .document, .audio, .video, .opaque: break
                }
            }
            if values.count != 1 { self.writer.endArray() }
        }
        self.writer.endObject()
    }

    private mutating func writeMedia(of result: ToolResult, at place: PartPlace) throws(Failure) {
        guard result.pieces.contains(where: { $0.kind.isMedium }) else { return }
        self.writer.key("parts")
        self.writer.beginArray()
        for (index, piece) in result.pieces.enumerated() {
            let param = "\(Self.path(of: place)).parts[\(index)]"
            switch piece.kind {
            case .image(let media), .document(let media), .audio(let media), .video(let media):
                self.writer.beginObject()
                try self.writeSource(of: media, param)
                self.writer.endObject()
            case .opaque(let opaque):
                guard opaque.format == "gemini" else {
                    throw Self.unsupportedPart("an item of \(opaque.format) can't be sent", place, self.endpoint)
                }
                self.writer.raw(opaque.json)
            case .text, .json: break
            }
        }
        self.writer.endArray()
    }

    private static func isObject(_ json: [UInt8]) -> Bool { json.first { $0 > 0x20 } == UInt8(ascii: "{") }

    /// The name of the last call of an id before a result; every result follows its call.
    private static func name(ofCall id: String, before place: PartPlace, in messages: [Message]) -> String {
        for message in messages[...place.message].reversed() where message.role == .assistant {
            for part in message.parts.reversed() {
                if case .toolCall(let call) = part.kind, call.id == id { return call.name }
            }
        }
        return ""
    }
}

extension ToolResult.Piece.Kind {
    /// Whether it goes beside the response's object instead of into it.
    fileprivate var isMedium: Bool {
        switch self {
        case .text, .json: false
        case .image, .document, .audio, .video, .opaque: true
        }
    }
}
