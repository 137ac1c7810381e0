// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// A tool call of Ollama's, which comes whole.
struct OllamaCall: Sendable {
    /// How ids begin that were made up for calls that came without one; they aren't sent back.
    static let madePrefix = "fanout-"

    var id = ""
    var name = ""
    /// One JSON object.
    var arguments = Array("{}".utf8)

    /// Reads the call that a reader stands before.
    init(_ reader: inout JSONReader) throws(JSONError) {
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("id") {
                self.id = try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("function"), try reader.kind() == .object {
                try reader.enterObject()
                while try reader.nextMember() {
                    if reader.keyIs("name") {
                        self.name = try OpenAIAssembler.text(&reader) ?? ""
                    } else if reader.keyIs("arguments"), try reader.kind() == .object {
                        self.arguments = try reader.raw()
                    } else {
                        try reader.skip()
                    }
                }
            } else {
                try reader.skip()
            }
        }
    }

    /// Makes up the id of a call that came without one: another for each call of each answer.
    ///
    /// Old servers send none; a result needs one to say what it answers. Nothing is drawn by chance, so that the same
    /// bytes are the same answer: the hash (FNV-1a, 64 bits) is of when the server says that it answered, and of the
    /// call.
    mutating func nameIfNameless(moment: String, index: Int) {
        guard self.id.isEmpty else { return }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in Array("\(moment) \(index) \(self.name) ".utf8) + self.arguments {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        self.id = Self.madePrefix + String(hash, radix: 16)
    }

    /// The call as a part of the model's turn.
    var part: Part { Part(.toolCall(ToolCall(id: self.id, name: self.name, arguments: self.arguments))) }
}
