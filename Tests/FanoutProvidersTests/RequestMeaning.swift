// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON

/// Brings bodies into a form in which those that ask for the same are equal.
struct RequestMeaning {
    let provider: String

    /// The meaning of a body; a model that the path names isn't looked at.
    func of(_ body: JSONValue, namesModel: Bool = true) -> JSONValue {
        var body = body.plain
        if !namesModel { body.change("model") { _ in nil } }
        // What an absent member means.
        body.change("stream") { $0 == .bool(false) ? nil : $0 }
        body.change("n") { $0 == .double(1) ? nil : $0 }
        body.change("tools") { $0 == .array([]) ? nil : $0 }
        body.change("top_logprobs") { $0 == .double(0) ? nil : $0 }
        // Fanout always asks for the usage of a stream, and for vectors in the form that is shortest.
        for key in ["stream_options", "encoding_format"] { body.change(key) { _ in nil } }
        self.provider == "anthropic" ? self.anthropic(&body) : self.openAI(&body)
        return body
    }

    /// The places where two trees differ.
    static func differences(_ left: JSONValue?, _ right: JSONValue?, at path: String = "") -> [String] {
        switch (left, right) {
        case (.object(let left)?, .object(let right)?):
            Set(left.keys).union(right.keys).sorted().flatMap { key in
                self.differences(left[key], right[key], at: path.isEmpty ? key : "\(path).\(key)")
            }
        case (.array(let left)?, .array(let right)?) where left.count == right.count:
            left.indices.flatMap { self.differences(left[$0], right[$0], at: "\(path)[\($0)]") }
        default:
            left == right ? [] : [path]
        }
    }

    // MARK: OpenAI's format

    private func openAI(_ body: inout JSONValue) {
        for key in ["stop", "input", "prompt"] { body.change(key, Self.listed) }
        // Two names of one bound, wherever the recorded clients use the newer one.
        body.rename("max_completion_tokens", to: "max_tokens")
        body.change("tool_choice") { choice in
            if choice == .string("any") { return .string("required") }
            guard case .object(var members) = choice else { return choice }
            members["type"] = .string("function")
            return .object(members)
        }
        body.change("tools") { self.each($0, self.tool) }
        body.change("messages") { self.each($0, self.turn) }
    }

    private func tool(_ tool: inout JSONValue) {
        tool.change("type") { $0 == .string("function") ? nil : $0 }
        tool.change("function") { function in
            var function = function
            function.change("description") { $0 == .string("") ? nil : $0 }
            return function
        }
    }

    private func turn(_ turn: inout JSONValue) {
        // One role of two names at OpenAI; a prefix that isn't one; a count that only streams have.
        turn.change("role") { $0 == .string("developer") ? .string("system") : $0 }
        turn.change("prefix") { $0 == .bool(false) ? nil : $0 }
        turn.change("tool_calls") {
            self.each($0) { call in call.change("index") { _ in nil } }
        }
        // Clients that don't know what a server calls reasoning send it by both names.
        if turn["reasoning_content"] == turn["reasoning"] { turn.change("reasoning") { _ in nil } }
        turn.change("content") { self.each(Self.blocks($0), self.part) }
        if turn["tool_calls"] != nil { turn.change("content") { $0 == .array([]) ? nil : $0 } }
        guard let mark = turn["cache_control"], case .array(var parts)? = turn["content"] else { return }
        // A turn that is marked is marked after its last part.
        if case .object(var last)? = parts.popLast() {
            last["cache_control"] = mark
            parts.append(.object(last))
        }
        turn.change("content") { _ in .array(parts) }
        turn.change("cache_control") { _ in nil }
    }

    private func part(_ part: inout JSONValue) {
        part.change("image_url") { $0.text == nil ? $0 : .object(["url": $0]) }
        part.change("file") { file in
            var file = file
            // The name of a file that has none.
            file.change("filename") { $0 == .string("document") ? nil : $0 }
            return file
        }
    }

    // MARK: Anthropic's format

    private func anthropic(_ body: inout JSONValue) {
        body.change("system", Self.blocks)
        body.change("tools") { tools in
            self.each(tools) { tool in tool.change("description") { $0 == .string("") ? nil : $0 } }
        }
        body.change("messages") { turns in
            self.each(turns) { turn in
                turn.change("content") { self.each(Self.blocks($0), self.block) }
            }
        }
    }

    private func block(_ block: inout JSONValue) {
        block.change("is_error") { $0 == .bool(false) ? nil : $0 }
        if block["type"] == .string("tool_result") { block.change("content", Self.blocks) }
    }

    // MARK: Both

    private func each(_ value: JSONValue, _ change: (inout JSONValue) -> Void) -> JSONValue {
        guard let elements = value.elements else { return value }
        return .array(
            elements.map { element in
                var element = element
                change(&element)
                return element
            }
        )
    }

    /// One text stands for a list of it.
    private static func listed(_ value: JSONValue) -> JSONValue {
        value.text == nil ? value : .array([value])
    }

    /// One text stands for one block of text.
    private static func blocks(_ value: JSONValue) -> JSONValue {
        value.text == nil ? value : .array([.object(["type": .string("text"), "text": value])])
    }
}
