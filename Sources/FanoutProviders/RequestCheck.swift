// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
package import FanoutModel

/// Looks at a request before anything is sent: what no provider could make sense of is refused here, naming the field.
package enum RequestCheck {
    /// The most bytes of a model's or a tool's name.
    static let nameBytesMax = 256
    /// The most stop strings.
    static let stopsMax = 16

    /// The first fault of a request, `invalidRequest` with the field's path in `param`; nil = none.
    package static func fault(in request: Request) -> Failure? {
        do throws(Failure) {
            try self.check(request)
            return nil
        } catch {
            return error
        }
    }

    private static func check(_ request: Request) throws(Failure) {
        try self.checkName(request.model, "model", isRequired: true)
        switch request.task {
        case .chat(let chat): try self.check(chat)
        case .completion(let completion): try self.check(completion)
        case .embedding(let embedding): try self.check(embedding)
        case nil: throw self.invalid("the request asks for nothing: give it chat, completion or embedding", "task")
        }
        _ = try ExtraParameters(request.extraJSON)
    }

    private static func check(_ completion: CompletionRequest) throws(Failure) {
        guard !completion.prompts.isEmpty else { throw self.invalid("there must be at least one prompt", "prompts") }
        try self.check(completion.sampling)
        if completion.choices == 0 { throw self.invalid("choices must be at least 1", "choices") }
        try self.checkName(completion.user, "user")
    }

    private static func check(_ embedding: EmbeddingRequest) throws(Failure) {
        guard !embedding.inputs.isEmpty else { throw self.invalid("there must be at least one input", "inputs") }
        for (index, input) in embedding.inputs.enumerated() where input.isEmpty {
            throw self.invalid("an input must not be empty", "inputs[\(index)]")
        }
        if embedding.dimensions == 0 { throw self.invalid("dimensions must be at least 1", "dimensions") }
        try self.checkName(embedding.inputType, "input_type")
        try self.checkName(embedding.user, "user")
    }

    private static func check(_ chat: ChatRequest) throws(Failure) {
        guard !chat.messages.isEmpty else { throw self.invalid("there must be at least one message", "messages") }
        try self.check(chat.messages)
        try self.check(chat.sampling)
        if chat.sampling.maxTokens == 0 { throw self.invalid("max_tokens must be at least 1", "sampling.max_tokens") }
        if chat.choices == 0 { throw self.invalid("choices must be at least 1", "choices") }
        try self.check(chat.tools)
        try self.check(chat.toolChoice, tools: chat.tools)
        if case .schema(let schema)? = chat.responseFormat {
            try self.checkName(schema.name, "response_format.name")
            try self.checkJSON(schema.json, "response_format.schema_json", objectOnly: true)
        }
        try self.checkName(chat.user, "user")
        try self.checkName(chat.serviceTier, "service_tier")
        if let reasoning = chat.reasoning { try self.checkName(reasoning.effort, "reasoning.effort") }
    }

    private static func check(_ sampling: Sampling) throws(Failure) {
        // A NaN is in no range.
        if let value = sampling.temperature, !(0...2).contains(value) {
            throw self.invalid("temperature must be a number from 0 to 2", "sampling.temperature")
        }
        if let value = sampling.topP, !(value > 0 && value <= 1) {
            throw self.invalid("top_p must be a number above 0 and at most 1", "sampling.top_p")
        }
        if sampling.topK == 0 { throw self.invalid("top_k must be at least 1", "sampling.top_k") }
        if let value = sampling.presencePenalty, !(-2...2).contains(value) {
            throw self.invalid("presence_penalty must be a number from -2 to 2", "sampling.presence_penalty")
        }
        if let value = sampling.frequencyPenalty, !(-2...2).contains(value) {
            throw self.invalid("frequency_penalty must be a number from -2 to 2", "sampling.frequency_penalty")
        }
        guard sampling.stop.count <= self.stopsMax else {
            throw self.invalid("there may be at most \(self.stopsMax) stop strings", "sampling.stop")
        }
        for (index, stop) in sampling.stop.enumerated() where stop.isEmpty {
            throw self.invalid("a stop string must not be empty", "sampling.stop[\(index)]")
        }
    }

    private static func check(_ tools: [Tool]) throws(Failure) {
        for (index, tool) in tools.enumerated() {
            let path = "tools[\(index)]"
            let hasSpec = !tool.specJSON.isEmpty
            if tool.kind == .builtIn, !hasSpec { throw self.invalid("a built-in tool needs spec_json", path) }
            try self.checkName(tool.name, "\(path).name", isRequired: tool.kind == .function || !hasSpec)
            if hasSpec { try self.checkJSON(tool.specJSON, "\(path).spec_json", objectOnly: true) }
            if !tool.parametersJSON.isEmpty {
                try self.checkJSON(tool.parametersJSON, "\(path).parameters_json", objectOnly: true)
            }
        }
    }

    private static func check(_ choice: ToolChoice?, tools: [Tool]) throws(Failure) {
        switch choice {
        case nil, .auto?, ToolChoice.none?: return
        case .required?:
            guard !tools.isEmpty else {
                throw self.invalid("a call is required, but there are no tools", "tool_choice")
            }
        case .named(let names)?:
            guard !names.isEmpty else { throw self.invalid("names must not be empty", "tool_choice.names") }
            for (index, name) in names.enumerated() where !tools.contains(where: { $0.name == name }) {
                throw self.invalid("there is no tool of that name", "tool_choice.names[\(index)]")
            }
        }
    }

    // MARK: Scalars

    static func invalid(_ what: String, _ param: String) -> Failure {
        Failure(.invalidRequest, "\(param): \(what)", param: param)
    }

    static func checkName(_ name: String, _ param: String, isRequired: Bool = false) throws(Failure) {
        if name.isEmpty {
            if isRequired { throw self.invalid("it must not be empty", param) }
            return
        }
        guard name.utf8.count <= self.nameBytesMax else {
            throw self.invalid("it has \(name.utf8.count) bytes, more than \(self.nameBytesMax)", param)
        }
        guard !name.utf8.contains(0) else { throw self.invalid("it must not hold a NUL", param) }
    }

    static func checkJSON(_ json: [UInt8], _ param: String, objectOnly: Bool) throws(Failure) {
        do throws(JSONError) {
            try validateJSON(json, objectOnly: objectOnly)
        } catch {
            throw self.invalid("it must be one JSON \(objectOnly ? "object" : "value"): \(error)", param)
        }
    }
}
