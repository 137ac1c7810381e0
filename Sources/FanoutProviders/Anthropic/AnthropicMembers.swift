// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// Where the members of an object begin, and what it says of its type.
///
/// Made by one pass over the object; values are read by going back to them.
struct AnthropicMembers {
    /// `type`; empty = not given.
    private(set) var type = ""
    /// Where the object begins and ends.
    private(set) var range = 0..<0
    private var places: [(key: String, offset: Int)] = []

    /// The most members that are looked at; Anthropic's objects have about ten.
    static let membersMax = 64

    /// Reads the object that a reader stands before.
    init(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { throw JSONError(.typeMismatch, at: reader.offset) }
        let start = reader.offset
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("type"), try reader.kind() == .string {
                self.type = try reader.string()
            } else {
                if self.places.count < Self.membersMax { self.places.append((try reader.key(), reader.offset)) }
                try reader.skip()
            }
        }
        self.range = start..<reader.offset
    }

    /// Where the value of a key begins; nil = there is none.
    subscript(_ key: StaticString) -> Int? {
        let name = key.description
        return self.places.first { $0.key == name }?.offset
    }

    /// A string; nil for anything else.
    func text(_ key: StaticString, _ reader: inout JSONReader) throws(JSONError) -> String? {
        guard let place = self[key] else { return nil }
        reader.seek(to: place)
        return try OpenAIAssembler.text(&reader)
    }

    /// A whole number; nil for anything else.
    func integer(_ key: StaticString, _ reader: inout JSONReader) throws(JSONError) -> Int64? {
        guard let place = self[key] else { return nil }
        reader.seek(to: place)
        return try OpenAIAssembler.integer(&reader)
    }
}
