// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// OpenRouter's items of reasoning, of which a stream sends a piece with each chunk.
///
/// The provider behind the gateway may want back what it signed or encrypted, so such items are carried whole; an item
/// of text alone says what the reasoning says. A piece that goes on with the item before it adds to that one's texts,
/// and its other members replace those before.
///
/// Source: openrouter.ai/docs, "Reasoning tokens", read in August 2026.
struct OpenAIReasoningDetails: Sendable {
    private struct Item: Sendable {
        var type = ""
        var index: Int64?
        var text = ""
        var summary = ""
        var others: [(key: String, value: [UInt8])] = []

        var isSealed: Bool { self.others.contains { $0.key == "signature" || $0.key == "data" } }
    }

    private var items: [Item] = []

    /// Reads an array of items or pieces; anything else is passed over.
    mutating func take(_ reader: inout JSONReader, isWhole: Bool) throws(JSONError) {
        guard try reader.kind() == .array else { return try reader.skip() }
        try reader.enterArray()
        while try reader.nextElement() {
            guard try reader.kind() == .object else {
                try reader.skip()
                continue
            }
            let piece = try Self.item(&reader)
            if !isWhole, let last = self.items.last, last.type == piece.type, last.index == piece.index {
                Self.add(piece, to: &self.items[self.items.count - 1])
            } else {
                self.items.append(piece)
            }
        }
    }

    private static func item(_ reader: inout JSONReader) throws(JSONError) -> Item {
        var item = Item()
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("type") {
                item.type = try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("index") {
                item.index = try OpenAIAssembler.integer(&reader)
            } else if reader.keyIs("text") {
                item.text = try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("summary") {
                item.summary = try OpenAIAssembler.text(&reader) ?? ""
            } else if try reader.kind() == .null {
                try reader.skip()
            } else {
                item.others.append((try reader.key(), try reader.raw()))
            }
        }
        return item
    }

    private static func add(_ piece: Item, to item: inout Item) {
        item.text += piece.text
        item.summary += piece.summary
        for other in piece.others {
            if let place = item.others.firstIndex(where: { $0.key == other.key }) {
                item.others[place] = other
            } else {
                item.others.append(other)
            }
        }
    }

    /// The items to send back.
    var parts: [Part] {
        self.items.filter(\.isSealed).map { item in
            var writer = JSONWriter(capacity: item.text.utf8.count + item.others.reduce(128) { $0 + $1.value.count })
            writer.beginObject()
            writer.key("type")
            writer.string(item.type)
            if let index = item.index {
                writer.key("index")
                writer.int(index)
            }
            for (key, text) in [("text", item.text), ("summary", item.summary)] where !text.isEmpty {
                writer.key(key)
                writer.string(text)
            }
            for other in item.others {
                writer.key(other.key)
                writer.raw(other.value)
            }
            writer.endObject()
            return Part(.opaque(Opaque(format: "openai", type: item.type, json: writer.finish())))
        }
    }
}
