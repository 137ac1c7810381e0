// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// Looks through a JSON Schema for what Google doesn't know.
///
/// Its list of what it does know is at ai.google.dev/api/caching (`parametersJsonSchema`); it passes over the rest,
/// and the model would be held to another schema than the caller's.
enum GeminiSchema {
    /// A keyword that can't be expressed, and where it stands.
    struct Finding: Equatable {
        var keyword: String
        /// A JSON pointer as a fragment (RFC 6901, section 6).
        var pointer: String
    }

    /// Keywords that change which shapes are valid at all.
    private static let shapes: Set<String> = [
        "allOf", "not", "if", "then", "else", "patternProperties", "dependentSchemas", "dependentRequired",
        "dependencies", "propertyNames", "contains", "unevaluatedItems", "unevaluatedProperties", "$dynamicRef",
        "$recursiveRef",
    ]
    /// Keywords that bound values.
    ///
    /// A model heeds them where they are described; nothing holds it to them.
    private static let bounds: Set<String> = [
        "const", "pattern", "minLength", "maxLength", "multipleOf", "exclusiveMinimum", "exclusiveMaximum",
        "uniqueItems", "minProperties", "maxProperties", "minContains", "maxContains",
    ]
    private static let schemas: Set<String> = ["items", "additionalProperties"]
    private static let lists: Set<String> = ["anyOf", "oneOf", "prefixItems"]
    private static let maps: Set<String> = ["properties", "$defs", "definitions"]

    /// Whether a schema is in Google's own form, whose types are in upper case (OpenAPI 3.0), as `Schema` of its API.
    static func isGoogles(_ schema: [UInt8]) -> Bool {
        let type = withJSONReader(schema) { reader -> String? in
            guard (try? reader.enterObject()) != nil else { return nil }
            while (try? reader.nextMember()) == true {
                if reader.keyIs("type") { return try? OpenAIAssembler.text(&reader) }
                guard (try? reader.skip()) != nil else { return nil }
            }
            return nil
        }
        guard let type, !type.isEmpty else { return false }
        return type.utf8.allSatisfy { (0x41...0x5A).contains($0) }
    }

    /// The first keyword of a schema that can't be expressed; nil = none.
    ///
    /// `isStrict` says that the caller wants it enforced, so that a bound on values counts, too.
    static func finding(in schema: [UInt8], isStrict: Bool) -> Finding? {
        withJSONReader(schema) { reader -> Finding? in
            // What is no JSON was refused before.
            (try? self.finding(&reader, isStrict, at: "#")) ?? nil
        }
    }

    /// It recurses, at most as deep as the reader's limit.
    private static func finding(
        _ reader: inout JSONReader,
        _ isStrict: Bool,
        at pointer: String
    ) throws(JSONError) -> Finding? {
        guard try reader.kind() == .object else {
            try reader.skip()
            return nil
        }
        var found: Finding?
        try reader.enterObject()
        while try reader.nextMember() {
            let key = try reader.key()
            if self.shapes.contains(key) || (isStrict && self.bounds.contains(key)) {
                found = found ?? Finding(keyword: key, pointer: pointer)
            } else if key == "$ref", try reader.kind() == .string {
                let target = try reader.string()
                if !target.hasPrefix("#") { found = found ?? Finding(keyword: "$ref to elsewhere", pointer: pointer) }
                continue
            }
            let below = "\(pointer)/\(self.escaped(key))"
            let inner: Finding?
            if self.schemas.contains(key) {
                inner = try self.finding(&reader, isStrict, at: below)
            } else if self.lists.contains(key), try reader.kind() == .array {
                inner = try self.finding(inList: &reader, isStrict, at: below)
            } else if self.maps.contains(key), try reader.kind() == .object {
                inner = try self.finding(inMap: &reader, isStrict, at: below)
            } else {
                inner = nil
                try reader.skip()
            }
            found = found ?? inner
        }
        return found
    }

    private static func finding(
        inList reader: inout JSONReader,
        _ isStrict: Bool,
        at pointer: String
    ) throws(JSONError) -> Finding? {
        var found: Finding?
        var index = 0
        try reader.enterArray()
        while try reader.nextElement() {
            let inner = try self.finding(&reader, isStrict, at: "\(pointer)/\(index)")
            found = found ?? inner
            index += 1
        }
        return found
    }

    private static func finding(
        inMap reader: inout JSONReader,
        _ isStrict: Bool,
        at pointer: String
    ) throws(JSONError) -> Finding? {
        var found: Finding?
        try reader.enterObject()
        while try reader.nextMember() {
            let inner = try self.finding(&reader, isStrict, at: "\(pointer)/\(self.escaped(try reader.key()))")
            found = found ?? inner
        }
        return found
    }

    private static func escaped(_ key: String) -> String {
        guard key.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return key }
        return key.split(separator: "~", omittingEmptySubsequences: false).joined(separator: "~0")
            .split(separator: "/", omittingEmptySubsequences: false).joined(separator: "~1")
    }
}
