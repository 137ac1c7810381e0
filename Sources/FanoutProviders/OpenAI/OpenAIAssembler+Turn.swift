// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension OpenAIAssembler {
    /// Reads `message`, or `delta`, which is a part of one.
    mutating func takeTurn(
        _ reader: inout JSONReader,
        isWhole: Bool,
        place: Int,
        deltas: inout [Delta]
    ) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        // Some servers send both names of the reasoning, with the same text.
        var reasoningSeen = false
        try reader.enterObject()
        while try reader.nextMember() {
            switch reader.keyLength {
            case 7 where reader.keyIs("content"):
                try self.takeContent(&reader, place: place, deltas: &deltas)
            case 10 where reader.keyIs("tool_calls"):
                try self.takeCalls(&reader, isWhole: isWhole, place: place, deltas: &deltas)
            case 17 where reader.keyIs("reasoning_content"), 9 where reader.keyIs("reasoning"):
                let text = try Self.text(&reader) ?? ""
                if !reasoningSeen { self.take(reasoning: text, place: place, deltas: &deltas) }
                reasoningSeen = reasoningSeen || !text.isEmpty
            case 17 where reader.keyIs("reasoning_details"):
                try self.takeDetails(&reader, isWhole: isWhole, place: place)
            case 7 where reader.keyIs("refusal"):
                self.take(refusal: try Self.text(&reader) ?? "", place: place, deltas: &deltas)
            case 13 where reader.keyIs("function_call"):
                try self.takeFunctionCall(&reader, place: place, deltas: &deltas)
            case 11 where reader.keyIs("annotations"):
                try self.takeAnnotations(&reader, place: place)
            case 5 where reader.keyIs("audio"):
                let isObject = try reader.kind() == .object
                if isObject { self.take(audio: try reader.raw(), place: place) } else { try reader.skip() }
            default:
                try reader.skip()
            }
        }
    }

    private mutating func takeAnnotations(_ reader: inout JSONReader, place: Int) throws(JSONError) {
        guard try reader.kind() == .array else { return try reader.skip() }
        try reader.enterArray()
        while try reader.nextElement() { self.take(annotation: try reader.raw(), place: place) }
    }

    /// Reads content: a string, null, or Mistral's list of texts and thoughts.
    private mutating func takeContent(
        _ reader: inout JSONReader,
        place: Int,
        deltas: inout [Delta]
    ) throws(JSONError) {
        switch try reader.kind() {
        case .string:
            self.take(text: try reader.string(), place: place, deltas: &deltas)
        case .array:
            try reader.enterArray()
            while try reader.nextElement() {
                guard try reader.kind() == .object else {
                    try reader.skip()
                    continue
                }
                try self.takeContentPart(&reader, place: place, deltas: &deltas)
            }
        default:
            try reader.skip()
        }
    }

    private mutating func takeContentPart(
        _ reader: inout JSONReader,
        place: Int,
        deltas: inout [Delta]
    ) throws(JSONError) {
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("text") {
                self.take(text: try Self.text(&reader) ?? "", place: place, deltas: &deltas)
            } else if reader.keyIs("refusal") {
                self.take(refusal: try Self.text(&reader) ?? "", place: place, deltas: &deltas)
            } else if reader.keyIs("thinking") {
                try self.takeThinking(&reader, place: place, deltas: &deltas)
            } else {
                try reader.skip()
            }
        }
    }

    private mutating func takeThinking(
        _ reader: inout JSONReader,
        place: Int,
        deltas: inout [Delta]
    ) throws(JSONError) {
        guard try reader.kind() == .array else {
            return self.take(reasoning: try Self.text(&reader) ?? "", place: place, deltas: &deltas)
        }
        try reader.enterArray()
        while try reader.nextElement() {
            guard try reader.kind() == .object else {
                try reader.skip()
                continue
            }
            try reader.enterObject()
            while try reader.nextMember() {
                if reader.keyIs("text") {
                    self.take(reasoning: try Self.text(&reader) ?? "", place: place, deltas: &deltas)
                } else {
                    try reader.skip()
                }
            }
        }
    }

    private mutating func takeCalls(
        _ reader: inout JSONReader,
        isWhole: Bool,
        place: Int,
        deltas: inout [Delta]
    ) throws(JSONError) {
        guard try reader.kind() == .array else { return try reader.skip() }
        try reader.enterArray()
        while try reader.nextElement() {
            guard try reader.kind() == .object else {
                try reader.skip()
                continue
            }
            var call = OpenAIChoice.Call()
            try reader.enterObject()
            while try reader.nextMember() {
                if reader.keyIs("index") {
                    call.wireIndex = try Self.integer(&reader)
                } else if reader.keyIs("id") {
                    call.id = try Self.text(&reader) ?? ""
                } else if reader.keyIs("function") {
                    try Self.readFunction(&reader, into: &call)
                } else if reader.keyIs("custom") {
                    call.isCustom = true
                    try Self.readFunction(&reader, into: &call)
                } else {
                    try reader.skip()
                }
            }
            try self.take(call: call, isWhole: isWhole, place: place, at: reader.offset, deltas: &deltas)
        }
    }

    /// Reads the one call of the form before tools.
    private mutating func takeFunctionCall(
        _ reader: inout JSONReader,
        place: Int,
        deltas: inout [Delta]
    ) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        var call = OpenAIChoice.Call(wireIndex: 0)
        try Self.readFunction(&reader, into: &call)
        try self.take(call: call, isWhole: false, place: place, at: reader.offset, deltas: &deltas)
    }

    private static func readFunction(_ reader: inout JSONReader, into call: inout OpenAIChoice.Call) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("name") {
                call.name = try Self.text(&reader) ?? ""
            } else if reader.keyIs("arguments") || reader.keyIs("input") {
                switch try reader.kind() {
                case .string: try reader.appendString(to: &call.arguments)
                case .null: try reader.skip()
                // Some servers send the object itself.
                default: call.arguments = try reader.raw()
                }
            } else {
                try reader.skip()
            }
        }
    }
}
