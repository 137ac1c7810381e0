// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON

/// Brings bodies of Google's into a form in which those that ask for the same are equal.
enum GeminiMeaning {
    /// The meaning of a body: one spelling, no defaults, and one form of what has two.
    static func of(_ body: JSONValue) -> JSONValue {
        var body = self.camelCased(self.plain(body))
        // A batch of one is that one.
        if let requests = body["requests"]?.elements, requests.count == 1 {
            body = requests[0]
            self.change(&body, "model") { _ in nil }
        }
        // Instructions and texts for vectors have no speaker.
        for key in ["systemInstruction", "content"] {
            self.change(&body, key) { self.changing($0, "role") { _ in nil } }
        }
        self.change(&body, "contents") { contents in
            self.each(contents) { content in self.change(&content, "parts") { self.each($0, self.part) } }
        }
        self.change(&body, "tools") { tools in
            self.each(tools) { tool in self.change(&tool, "functionDeclarations") { self.each($0, self.function) } }
        }
        self.change(&body, "generationConfig") { config in
            var config = self.changing(config, "candidateCount") { $0 == .double(1) ? nil : $0 }
            if self.isJSONSchema(config["responseSchema"]) {
                self.rename(&config, "responseSchema", to: "responseJsonSchema")
            }
            return config == .object([:]) ? nil : config
        }
        return body
    }

    /// Keys in the one spelling of the two that Google takes; names and schemas of the caller's are left alone.
    static func camelCased(_ body: JSONValue) -> JSONValue {
        var body = body
        self.rename(&body, "generation_config", to: "generationConfig")
        self.change(&body, "generationConfig") { config in
            guard case .object(let members) = config else { return config }
            return .object(Dictionary(uniqueKeysWithValues: members.map { (self.camelCase($0.key), $0.value) }))
        }
        self.change(&body, "tools") { tools in
            self.each(tools) { tool in
                self.change(&tool, "functionDeclarations") { functions in
                    self.each(functions) { self.rename(&$0, "parameters_json_schema", to: "parametersJsonSchema") }
                }
            }
        }
        return body
    }

    private static func camelCase(_ key: String) -> String {
        let words = key.split(separator: "_")
        return words.dropFirst().reduce(String(words.first ?? "")) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
    }

    /// Base64 in the alphabet of RFC 4648, section 4; Google takes that of section 5, too.
    static func standard(_ base64: String) -> String {
        String(base64.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
    }

    static func number(_ value: JSONValue) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .double(let number): number
        default: nil
        }
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

    private static func part(_ part: inout JSONValue) {
        self.change(&part, "thought") { $0 == .bool(false) ? nil : $0 }
        self.change(&part, "inlineData") { inline in
            self.changing(inline, "data") { .string(self.standard($0.text ?? "")) }
        }
    }

    private static func function(_ function: inout JSONValue) {
        self.change(&function, "description") { $0 == .string("") ? nil : $0 }
        if self.isJSONSchema(function["parameters"]) {
            self.rename(&function, "parameters", to: "parametersJsonSchema")
        }
    }

    /// Whether a schema in a field of Google's own form has the types of JSON Schema, which Google takes there, too.
    private static func isJSONSchema(_ schema: JSONValue?) -> Bool {
        guard let type = schema?["type"]?.text else { return false }
        return type == type.lowercased()
    }

    // MARK: Trees

    /// Numbers in one form, and without nulls, which say what an absent member says.
    private static func plain(_ value: JSONValue) -> JSONValue {
        switch value {
        case .integer(let number): .double(Double(number))
        case .array(let elements): .array(elements.map(self.plain))
        case .object(let members): .object(members.filter { $0.value != .null }.mapValues(self.plain))
        default: value
        }
    }

    private static func change(_ object: inout JSONValue, _ key: String, _ change: (JSONValue) -> JSONValue?) {
        guard case .object(var members) = object, let old = members[key] else { return }
        members[key] = change(old)
        object = .object(members)
    }

    private static func changing(_ object: JSONValue, _ key: String, _ change: (JSONValue) -> JSONValue?) -> JSONValue {
        var object = object
        self.change(&object, key, change)
        return object
    }

    private static func rename(_ object: inout JSONValue, _ key: String, to name: String) {
        guard case .object(var members) = object, let value = members.removeValue(forKey: key) else { return }
        members[name] = value
        object = .object(members)
    }

    private static func each(_ value: JSONValue, _ change: (inout JSONValue) -> Void) -> JSONValue {
        guard let elements = value.elements else { return value }
        return .array(
            elements.map { element in
                var element = element
                change(&element)
                return element
            }
        )
    }
}
