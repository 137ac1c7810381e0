// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// One part of a candidate's content as it came.
struct GeminiPart: Sendable {
    /// What it is.
    enum Kind: Sendable {
        case text
        /// What the model thought, or a summary of it.
        case thought
        case call
        /// An image, a sound or a document that the model made.
        case media
        /// What Google's own tools did, and whatever comes new: carried whole.
        case other
    }

    private(set) var kind: Kind
    /// Of text and thought.
    var text = ""
    /// `thoughtSignature`, in base64 as it came; it must be sent back on the same part.
    private(set) var signature = ""
    /// Of a call.
    var id = ""
    /// The function called, the MIME type of a medium, or the key that says what a part of another kind is.
    private(set) var name = ""
    /// The arguments of a call, one JSON object; the bytes of a medium; or the whole part of another kind.
    private(set) var data: [UInt8] = []

    /// Reads the part that a reader stands before.
    init(_ reader: inout JSONReader) throws(JSONError) {
        let start = reader.offset
        self.kind = .text
        var isThought = false
        var isKnown = false
        var type = ""
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("text"), try reader.kind() == .string {
                self.text = try reader.string()
                isKnown = true
            } else if reader.keyIs("thought"), try reader.kind() == .bool {
                isThought = try reader.bool()
            } else if reader.keyIs("thoughtSignature") {
                try GeminiAssembler.keep(&reader, in: &self.signature)
            } else if reader.keyIs("functionCall"), try reader.kind() == .object {
                try self.takeCall(&reader)
                isKnown = true
            } else if reader.keyIs("inlineData"), try reader.kind() == .object {
                try self.takeMedia(&reader)
                isKnown = true
            } else {
                if type.isEmpty { type = try reader.key() }
                try reader.skip()
            }
        }
        if isThought, self.kind == .text { self.kind = .thought }
        // A part may be nothing but a signature.
        guard !isKnown, !type.isEmpty else { return }
        let end = reader.offset
        self.kind = .other
        self.name = type
        reader.seek(to: start)
        self.data = try reader.raw()
        reader.seek(to: end)
    }

    private mutating func takeCall(_ reader: inout JSONReader) throws(JSONError) {
        self.kind = .call
        self.name = ""
        self.data = Array("{}".utf8)
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("name") {
                try GeminiAssembler.keep(&reader, in: &self.name)
            } else if reader.keyIs("id") {
                try GeminiAssembler.keep(&reader, in: &self.id)
            } else if reader.keyIs("args"), try reader.kind() == .object {
                self.data = try reader.raw()
            } else {
                try reader.skip()
            }
        }
    }

    private mutating func takeMedia(_ reader: inout JSONReader) throws(JSONError) {
        self.kind = .media
        self.name = ""
        self.data = []
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("mimeType") {
                try GeminiAssembler.keep(&reader, in: &self.name)
            } else if reader.keyIs("data"), try reader.kind() == .string {
                let start = reader.offset
                var text: [UInt8] = []
                try reader.appendString(to: &text)
                guard let bytes = decodeBase64(text) else { throw JSONError(.typeMismatch, at: start) }
                self.data = bytes
            } else {
                try reader.skip()
            }
        }
    }

    /// Whether a later piece of the same kind is its continuation: parts with a signature are not joined.
    var isOpen: Bool { self.signature.isEmpty && (self.kind == .text || self.kind == .thought) }

    /// Whether it holds nothing.
    var isEmpty: Bool {
        (self.kind == .text || self.kind == .thought) && self.text.isEmpty && self.signature.isEmpty
    }

    /// Appends the part to a message's.
    ///
    /// The signature of a text or a medium goes before it, as reasoning without words.
    func append(to parts: inout [Part], annotations: [UInt8]) {
        if self.kind == .text || self.kind == .media, !self.signature.isEmpty {
            var proof = Reasoning()
            proof.signature = Array(self.signature.utf8)
            parts.append(Part(.reasoning(proof)))
        }
        switch self.kind {
        case .text:
            guard !self.text.isEmpty || !annotations.isEmpty else { return }
            var text = Text(self.text)
            text.annotationsJSON = annotations
            parts.append(Part(.text(text)))
        case .thought:
            var reasoning = Reasoning(text: self.text)
            reasoning.signature = Array(self.signature.utf8)
            parts.append(Part(.reasoning(reasoning)))
        case .call:
            var call = ToolCall(id: self.id, name: self.name, arguments: self.data)
            call.signature = Array(self.signature.utf8)
            parts.append(Part(.toolCall(call)))
        case .media:
            let media = Media(mimeType: self.name, source: .data(self.data))
            if self.name.hasPrefix("image/") {
                parts.append(Part(.image(media)))
            } else if self.name.hasPrefix("audio/") {
                parts.append(Part(.audio(media)))
            } else if self.name.hasPrefix("video/") {
                parts.append(Part(.video(media)))
            } else {
                parts.append(Part(.document(media)))
            }
        case .other:
            parts.append(Part(.opaque(Opaque(format: "gemini", type: self.name, json: self.data))))
        }
    }
}
