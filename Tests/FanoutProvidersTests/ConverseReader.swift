// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel

/// Reads the body of a Converse request back into the neutral form.
struct ConverseReader {
    private let body: JSONValue
    private var extra: [String: JSONValue] = [:]

    init(_ body: JSONValue) { self.body = body }

    mutating func request() throws -> Request {
        var chat = ChatRequest(messages: [])
        let system = try self.parts(self.body["system"])
        if !system.isEmpty { chat.messages.append(Message(role: .system, parts: system)) }
        for turn in self.body["messages"]?.elements ?? [] {
            let isAssistant = turn["role"]?.text == "assistant"
            chat.messages.append(
                Message(
                    role: isAssistant ? .assistant : .user,
                    parts: try self.parts(turn["content"], isAssistant: isAssistant)
                )
            )
        }
        self.readInference(into: &chat.sampling)
        try self.readTools(into: &chat)
        if let schema = self.body["outputConfig"]?["textFormat"]?["structure"]?["jsonSchema"] {
            var format = ResponseFormat.Schema(
                name: schema["name"]?.text ?? "",
                json: Array((schema["schema"]?.text ?? "").utf8)
            )
            format.description = schema["description"]?.text ?? ""
            chat.responseFormat = .schema(format)
        }
        chat.serviceTier = self.body["serviceTier"]?["type"]?.text ?? ""
        self.readFields(into: &chat)
        for key in ["guardrailConfig", "requestMetadata", "performanceConfig"] { self.extra[key] = self.body[key] }
        var request = Request(model: "group", task: .chat(chat))
        if !self.extra.isEmpty { request.extraJSON = JSONValue.object(self.extra).serialized() }
        return request
    }

    private func readInference(into sampling: inout Sampling) {
        let config = self.body["inferenceConfig"] ?? .null
        sampling.temperature = Self.number(config["temperature"])
        sampling.topP = Self.number(config["topP"])
        sampling.maxTokens = Self.number(config["maxTokens"]).map { UInt32($0) }
        sampling.stop = (config["stopSequences"]?.elements ?? []).compactMap(\.text)
    }

    private func readTools(into chat: inout ChatRequest) throws {
        for element in self.body["toolConfig"]?["tools"]?.elements ?? [] {
            if element["cachePoint"] != nil {
                chat.tools[chat.tools.count - 1].cache = CacheMarker()
                continue
            }
            guard let spec = element["toolSpec"] else {
                var tool = Tool(name: "")
                tool.kind = .builtIn
                tool.specJSON = element.serialized()
                chat.tools.append(tool)
                continue
            }
            var tool = Tool(name: spec["name"]?.text ?? "")
            tool.description = spec["description"]?.text ?? ""
            tool.parametersJSON = spec["inputSchema"]?["json"]?.serialized() ?? []
            chat.tools.append(tool)
        }
        guard let choice = self.body["toolConfig"]?["toolChoice"] else { return }
        if let name = choice["tool"]?["name"]?.text {
            chat.toolChoice = .named([name])
        } else {
            chat.toolChoice = choice["any"] == nil ? .auto : .required
        }
    }

    private mutating func readFields(into chat: inout ChatRequest) {
        guard case .object(var fields)? = self.body["additionalModelRequestFields"] else { return }
        if let budget = Self.number(fields["thinking"]?["budget_tokens"]) {
            var reasoning = ReasoningOptions()
            reasoning.budgetTokens = UInt32(budget)
            chat.reasoning = reasoning
            fields["thinking"] = nil
        }
        if let count = Self.number(fields["inferenceConfig"]?["topK"]) {
            chat.sampling.topK = UInt32(count)
            fields["inferenceConfig"] = nil
        }
        for (key, value) in fields { self.extra[key] = value }
    }

    private func parts(_ content: JSONValue?, isAssistant: Bool = false) throws -> [Part] {
        var parts: [Part] = []
        for block in content?.elements ?? [] {
            if block["cachePoint"] != nil {
                parts[parts.count - 1].cache = CacheMarker()
            } else if let text = block["text"]?.text {
                parts.append(Part(.text(Text(text))))
            } else if let call = block["toolUse"], call["type"] == nil {
                let input = call["input"]?.serialized() ?? []
                let id = call["toolUseId"]?.text ?? ""
                parts.append(Part(.toolCall(ToolCall(id: id, name: call["name"]?.text ?? "", arguments: input))))
            } else if let result = block["toolResult"], !isAssistant {
                var neutral = ToolResult(callID: result["toolUseId"]?.text ?? "", pieces: [])
                neutral.isError = result["status"]?.text == "error"
                neutral.pieces = (result["content"]?.elements ?? []).compactMap(Self.piece)
                parts.append(Part(.toolResult(neutral)))
            } else {
                // What guards read, what Bedrock's own tools did, and documents with a context.
                parts.append(Part(.opaque(Opaque(format: "bedrock", type: "", json: block.serialized()))))
            }
        }
        return parts
    }

    private static func piece(_ block: JSONValue) -> ToolResult.Piece? {
        if let text = block["text"]?.text { return ToolResult.Piece(.text(Text(text))) }
        if let json = block["json"] { return ToolResult.Piece(.json(json.serialized())) }
        if let image = block["image"] {
            let bytes = decodeBase64(Array((image["source"]?["bytes"]?.text ?? "").utf8)) ?? []
            return ToolResult.Piece(
                .image(Media(mimeType: "image/\(image["format"]?.text ?? "")", source: .data(bytes)))
            )
        }
        guard let document = block["document"] else { return nil }
        let place = document["source"]?["s3Location"]?["uri"]?.text ?? ""
        var media = Media(mimeType: "application/\(document["format"]?.text ?? "")", source: .url(place))
        media.name = document["name"]?.text ?? ""
        return ToolResult.Piece(.document(media))
    }

    private static func number(_ value: JSONValue?) -> Double? {
        switch value {
        case .integer(let number)?: Double(number)
        case .double(let number)?: number
        default: nil
        }
    }
}

extension JSONValue {
    /// A Converse request without what makes no difference: empty instructions and settings, turns of one side apart,
    /// a result's status where it is the usual one, and how a whole number is written.
    var converseMeaning: JSONValue {
        guard case .object(var members) = self.plainNumbers else { return self }
        for key in ["system", "inferenceConfig"] where members[key] == .array([]) || members[key] == .object([:]) {
            members[key] = nil
        }
        var turns: [(role: JSONValue?, content: [JSONValue])] = []
        for turn in members["messages"]?.elements ?? [] {
            let content = (turn["content"]?.elements ?? []).map(\.withoutStatus)
            if let last = turns.last, last.role == turn["role"] {
                turns[turns.count - 1].content += content
            } else {
                turns.append((turn["role"], content))
            }
        }
        members["messages"] = .array(turns.map { .object(["role": $0.role ?? .null, "content": .array($0.content)]) })
        return .object(members)
    }

    private var withoutStatus: JSONValue {
        guard case .object(var block) = self, case .object(var result)? = block["toolResult"] else { return self }
        if result["status"] == .string("success") { result["status"] = nil }
        block["toolResult"] = .object(result)
        return .object(block)
    }

    private var plainNumbers: JSONValue {
        switch self {
        case .array(let elements): .array(elements.map(\.plainNumbers))
        case .object(let members): .object(members.mapValues(\.plainNumbers))
        case .integer(let number): .double(Double(number))
        default: self
        }
    }
}
