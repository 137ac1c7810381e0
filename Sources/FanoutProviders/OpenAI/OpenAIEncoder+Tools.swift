// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension OpenAIEncoder {
    /// Writes the tools that the model may call.
    mutating func writeTools(_ tools: [Tool]) throws(Failure) {
        self.writer.beginArray()
        for (index, tool) in tools.enumerated() {
            if tool.kind != .function, !tool.specJSON.isEmpty {
                self.writer.raw(tool.specJSON)
                continue
            }
            guard tool.kind != .builtIn else {
                throw Failure(.invalidRequest, "a built-in tool needs spec_json", param: "tools[\(index)].spec_json")
            }
            self.write(tool)
        }
        self.writer.endArray()
    }

    private mutating func write(_ tool: Tool) {
        let isCustom = tool.kind == .custom
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string(isCustom ? "custom" : "function")
        self.writer.key(isCustom ? StaticString("custom") : StaticString("function"))
        self.writer.beginObject()
        self.writer.key("name")
        self.writer.string(tool.name)
        if !tool.description.isEmpty {
            self.writer.key("description")
            self.writer.string(tool.description)
        }
        if !tool.parametersJSON.isEmpty {
            self.writer.key("parameters")
            self.writer.raw(tool.parametersJSON)
        }
        if let strict = tool.strict {
            self.writer.key("strict")
            self.writer.bool(strict)
        }
        self.writer.endObject()
        if self.dialect.contains(.cacheControl) { self.writeCache(tool.cache) }
        self.writer.endObject()
    }

    /// Writes whether and what the model must call.
    mutating func write(_ choice: ToolChoice, tools: [Tool]) {
        switch choice {
        case .auto: self.member("tool_choice", "auto")
        case .none: self.member("tool_choice", "none")
        case .required: self.member("tool_choice", "required")
        case .named(let names) where names.count == 1:
            self.key("tool_choice")
            self.writeNamed(names[0], tools: tools)
        case .named(let names):
            self.key("tool_choice")
            self.writer.beginObject()
            self.writer.key("type")
            self.writer.string("allowed_tools")
            self.writer.key("allowed_tools")
            self.writer.beginObject()
            self.writer.key("mode")
            self.writer.string("required")
            self.writer.key("tools")
            self.writer.beginArray()
            for name in names { self.writeNamed(name, tools: tools) }
            self.writer.endArray()
            self.writer.endObject()
            self.writer.endObject()
        }
    }

    private mutating func writeNamed(_ name: String, tools: [Tool]) {
        let isCustom = tools.contains { $0.name == name && $0.kind == .custom }
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string(isCustom ? "custom" : "function")
        self.writer.key(isCustom ? StaticString("custom") : StaticString("function"))
        self.writer.beginObject()
        self.writer.key("name")
        self.writer.string(name)
        self.writer.endObject()
        self.writer.endObject()
    }

    /// Writes the form of the answer.
    mutating func write(_ format: ResponseFormat) {
        self.key("response_format")
        self.writer.beginObject()
        self.writer.key("type")
        switch format {
        case .text: self.writer.string("text")
        case .json: self.writer.string("json_object")
        case .schema(let schema):
            self.writer.string("json_schema")
            self.writer.key("json_schema")
            self.writer.beginObject()
            self.writer.key("name")
            // OpenAI refuses a schema without a name.
            self.writer.string(schema.name.isEmpty ? "answer" : schema.name)
            if !schema.description.isEmpty {
                self.writer.key("description")
                self.writer.string(schema.description)
            }
            self.writer.key("schema")
            self.writer.raw(schema.json)
            if let strict = schema.strict {
                self.writer.key("strict")
                self.writer.bool(strict)
            }
            self.writer.endObject()
        }
        self.writer.endObject()
    }

    /// Writes how much the model reasons.
    ///
    /// Whether reasoning is given back, and its summary, are wishes that hold where a provider knows them: this format
    /// has no word for them.
    mutating func write(_ reasoning: ReasoningOptions) {
        if self.dialect.contains(.reasoningObject) {
            guard self.wants("reasoning"), !reasoning.effort.isEmpty || reasoning.budgetTokens > 0 else { return }
            self.key("reasoning")
            self.writer.beginObject()
            if !reasoning.effort.isEmpty {
                self.writer.key("effort")
                self.writer.string(reasoning.effort)
            }
            if reasoning.budgetTokens > 0 {
                self.writer.key("max_tokens")
                self.writer.uint(UInt64(reasoning.budgetTokens))
            }
            return self.writer.endObject()
        }
        if reasoning.effort == "none", self.dialect.contains(.thinkingSwitch) {
            guard self.wants("thinking") else { return }
            self.key("thinking")
            self.writer.beginObject()
            self.writer.key("type")
            self.writer.string("disabled")
            return self.writer.endObject()
        }
        if !reasoning.effort.isEmpty { self.member("reasoning_effort", reasoning.effort) }
    }
}
