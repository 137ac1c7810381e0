// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

extension BedrockBlock {
    /// Reads a block of a whole answer, which is an object with one member.
    init(whole reader: inout JSONReader, wireIndex: Int64) throws(JSONError) {
        var block = BedrockBlock(.text, wireIndex: wireIndex)
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("text") {
                block.text += try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("reasoningContent") {
                block = BedrockBlock(.reasoning, wireIndex: wireIndex)
                try block.takeReasoning(&reader)
            } else if reader.keyIs("citationsContent") {
                try block.takeCitations(&reader)
            } else {
                let key = try reader.key()
                let value = try reader.raw()
                block = try Self(key, value, wireIndex: wireIndex)
            }
        }
        self = block
    }

    /// Reads what a stream says at a block's start; nil = nothing.
    init?(start reader: inout JSONReader, wireIndex: Int64) throws(JSONError) {
        var block: BedrockBlock?
        try reader.enterObject()
        while try reader.nextMember() {
            let key = try reader.key()
            let value = try reader.raw()
            block = try Self(key, value, wireIndex: wireIndex)
        }
        guard let block else { return nil }
        self = block
    }

    /// A call, unless it is one that Bedrock answers itself; else what it is.
    private init(_ key: String, _ value: [UInt8], wireIndex: Int64) throws(JSONError) {
        if key == "toolUse" {
            var call = BedrockBlock(.toolUse, wireIndex: wireIndex)
            if try call.takeCall(value) {
                self = call
                return
            }
        }
        self.init(other: key, value, wireIndex: wireIndex)
    }

    /// Reads a call; false = it is the provider's own affair.
    private mutating func takeCall(_ json: [UInt8]) throws(JSONError) -> Bool {
        var isOwn = false
        var call = self
        try withJSONReader(json) { (reader) throws(JSONError) in
            guard try reader.kind() == .object else { return }
            try reader.enterObject()
            while try reader.nextMember() {
                if reader.keyIs("toolUseId") {
                    call.id = try OpenAIAssembler.text(&reader) ?? ""
                } else if reader.keyIs("name") {
                    call.name = try OpenAIAssembler.text(&reader) ?? ""
                } else if reader.keyIs("input") {
                    let input = try reader.raw()
                    if input.filter({ $0 > 0x20 }) != Array("{}".utf8) { call.arguments = input }
                } else if reader.keyIs("type") {
                    isOwn = try OpenAIAssembler.text(&reader) == "server_tool_use"
                } else {
                    try reader.skip()
                }
            }
        }
        self = call
        return !isOwn
    }

    /// Reads reasoning: of a whole block with `reasoningText` around it, in a stream without.
    mutating func takeReasoning(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("text") {
                self.text += try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("signature") {
                self.signature += try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("redactedContent") {
                self.redacted += try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("reasoningText") {
                try self.takeReasoning(&reader)
            } else {
                try reader.skip()
            }
        }
    }

    /// Reads `citationsContent`: a text in pieces, and what it is taken from.
    private mutating func takeCitations(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("citations"), try reader.kind() == .array {
                try reader.enterArray()
                while try reader.nextElement() { self.add(elements: try reader.raw()) }
            } else if reader.keyIs("content"), try reader.kind() == .array {
                try reader.enterArray()
                while try reader.nextElement() {
                    guard try reader.kind() == .object else {
                        try reader.skip()
                        continue
                    }
                    try reader.enterObject()
                    while try reader.nextMember() {
                        if reader.keyIs("text") {
                            self.text += try OpenAIAssembler.text(&reader) ?? ""
                        } else {
                            try reader.skip()
                        }
                    }
                }
            } else {
                try reader.skip()
            }
        }
    }
}
