// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// Where the members of an object begin, and what it says of its type.
///
/// Made by one pass over the object; values are read by going back to them.
struct AnthropicMembers {
    /// The members that mean something.
    enum Key: Int, CaseIterable {
        case citation, citations, content, contentBlock, data, delta, error, id, index, input, message, model, name
        case partialJSON, signature, stopReason, stopSequence, text, thinking, usage

        /// The last key that a reader read.
        init?(_ reader: inout JSONReader) {
            switch reader.keyLength {
            case 2 where reader.keyIs("id"): self = .id
            case 4 where reader.keyIs("text"): self = .text
            case 4 where reader.keyIs("name"): self = .name
            case 4 where reader.keyIs("data"): self = .data
            case 5 where reader.keyIs("index"): self = .index
            case 5 where reader.keyIs("delta"): self = .delta
            case 5 where reader.keyIs("usage"): self = .usage
            case 5 where reader.keyIs("model"): self = .model
            case 5 where reader.keyIs("input"): self = .input
            case 5 where reader.keyIs("error"): self = .error
            case 7 where reader.keyIs("content"): self = .content
            case 7 where reader.keyIs("message"): self = .message
            case 8 where reader.keyIs("thinking"): self = .thinking
            case 8 where reader.keyIs("citation"): self = .citation
            case 9 where reader.keyIs("signature"): self = .signature
            case 9 where reader.keyIs("citations"): self = .citations
            case 11 where reader.keyIs("stop_reason"): self = .stopReason
            case 12 where reader.keyIs("partial_json"): self = .partialJSON
            case 13 where reader.keyIs("content_block"): self = .contentBlock
            case 13 where reader.keyIs("stop_sequence"): self = .stopSequence
            default: return nil
            }
        }
    }

    /// `type`; empty = not given.
    private(set) var type = ""
    /// Where the object begins and ends.
    private(set) var range = 0..<0
    /// A place for each key.
    typealias Places = InlineArray<20, Int>
    /// By key; -1 = not there.
    private var places = Places(repeating: -1)

    /// Reads the object that a reader stands before.
    init(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { throw JSONError(.typeMismatch, at: reader.offset) }
        let start = reader.offset
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("type"), try reader.kind() == .string {
                self.type = try reader.string()
            } else {
                if let key = Key(&reader), self.places[key.rawValue] < 0 { self.places[key.rawValue] = reader.offset }
                try reader.skip()
            }
        }
        self.range = start..<reader.offset
    }

    /// Where the value of a key begins; nil = there is none.
    subscript(_ key: Key) -> Int? {
        let place = self.places[key.rawValue]
        return place < 0 ? nil : place
    }

    /// A string; nil for anything else.
    func text(_ key: Key, _ reader: inout JSONReader) throws(JSONError) -> String? {
        guard let place = self[key] else { return nil }
        reader.seek(to: place)
        return try OpenAIAssembler.text(&reader)
    }

    /// A whole number; nil for anything else.
    func integer(_ key: Key, _ reader: inout JSONReader) throws(JSONError) -> Int64? {
        guard let place = self[key] else { return nil }
        reader.seek(to: place)
        return try OpenAIAssembler.integer(&reader)
    }
}
