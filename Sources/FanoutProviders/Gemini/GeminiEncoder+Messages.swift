// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension GeminiEncoder {
    /// Writes the instructions, which are no turns here: every system and developer turn, in order.
    mutating func writeSystem(_ messages: [Message]) throws(Failure) {
        var texts: [String] = []
        for (index, message) in messages.enumerated() where message.role == .system || message.role == .developer {
            for (place, part) in message.parts.enumerated() {
                guard case .text(let text) = part.kind else {
                    throw Self.unsupportedPart("instructions must be text", (index, place), self.endpoint)
                }
                if !text.text.isEmpty { texts.append(text.text) }
            }
        }
        guard !texts.isEmpty, self.leaves("systemInstruction") else { return }
        self.key("systemInstruction")
        self.writer.beginObject()
        self.writer.key("parts")
        self.writer.beginArray()
        for text in texts { self.writeText(text) }
        self.writer.endArray()
        self.writer.endObject()
    }

    /// Writes the conversation.
    ///
    /// The results of one turn's calls belong in one turn, so neighbouring tools' turns are joined; other neighbours of
    /// one side are taken as they are.
    mutating func writeContents(_ messages: [Message]) throws(Failure) {
        self.writer.beginArray()
        var index = 0
        while index < messages.count {
            let first = index
            let message = messages[first]
            index += 1
            if message.role == .system || message.role == .developer { continue }
            if message.role == .tool {
                while index < messages.count, messages[index].role == .tool { index += 1 }
            }
            self.writer.beginObject()
            self.writer.key("role")
            self.writer.string(message.role == .assistant ? "model" : "user")
            self.writer.key("parts")
            self.writer.beginArray()
            var parts = 0
            for place in first..<index { parts += try self.writeParts(at: place, of: messages) }
            self.writer.endArray()
            self.writer.endObject()
            guard parts > 0 else {
                throw Failure(
                    .invalidRequest,
                    "messages[\(first)] is empty, which \(self.endpoint.provider) doesn't take: give it content",
                    param: "messages[\(first)]"
                )
            }
        }
        self.writer.endArray()
    }

    /// Writes the parts of one message; gives how many.
    private mutating func writeParts(at index: Int, of messages: [Message]) throws(Failure) -> Int {
        let message = messages[index]
        // A tool's name is the function's; anyone else's has no place here.
        if !message.name.isEmpty, message.role != .tool { try self.refuse("messages[\(index)].name") }
        var written = 0
        // The proof of the next text or medium, which goes back on it.
        var proof: [UInt8] = []
        for (place, part) in message.parts.enumerated() {
            if case .reasoning(let reasoning) = part.kind {
                written += self.writeProof(proof)
                proof = []
                if reasoning.text.isEmpty {
                    proof = reasoning.signature
                } else {
                    self.writeThought(reasoning)
                    written += 1
                }
                continue
            }
            if !part.kind.takesProof {
                written += self.writeProof(proof)
                proof = []
            }
            if try self.write(part, proof: proof, at: (index, place), of: messages) {
                written += 1
                proof = []
            }
        }
        return written + self.writeProof(proof)
    }

    /// Writes a proof that nothing followed, as it came: on a part without words.
    private mutating func writeProof(_ proof: [UInt8]) -> Int {
        guard !proof.isEmpty else { return 0 }
        self.writeText("", proof: proof)
        return 1
    }

    /// What the model thought goes back, as Google asks for all parts of a turn; the proof with it.
    private mutating func writeThought(_ reasoning: Reasoning) {
        self.writer.beginObject()
        self.writer.key("text")
        self.writer.string(reasoning.text)
        self.writer.key("thought")
        self.writer.bool(true)
        self.endPart(proof: reasoning.signature)
    }

    /// Writes one part; false = it has nothing that can be sent.
    private mutating func write(
        _ part: Part,
        proof: [UInt8],
        at place: PartPlace,
        of messages: [Message]
    ) throws(Failure) -> Bool {
        switch part.kind {
        case .text(let text), .refusal(let text):
            // A part without words would be refused.
            guard !text.text.isEmpty else { return false }
            self.writeText(text.text, proof: proof)
        case .image(let media), .document(let media), .audio(let media), .video(let media):
            try self.write(media, proof: proof, at: place)
        case .toolCall(let call): try self.write(call, at: place)
        case .toolResult(let result): try self.write(result, at: place, of: messages)
        case .opaque(let opaque):
            guard opaque.format == "gemini" else {
                throw Self.unsupportedPart("an item of \(opaque.format) can't be sent", place, self.endpoint)
            }
            self.writer.raw(opaque.json)
        case .reasoning: return false
        }
        return true
    }

    // MARK: Parts

    private mutating func writeText(_ text: String, proof: [UInt8] = []) {
        self.writer.beginObject()
        self.writer.key("text")
        self.writer.string(text)
        self.endPart(proof: proof)
    }

    /// Ends a part, with its signature where it has one.
    mutating func endPart(proof: [UInt8]) {
        if !proof.isEmpty {
            self.writer.key("thoughtSignature")
            self.writer.string(utf8: proof)
        }
        self.writer.endObject()
    }

    private mutating func write(_ media: Media, proof: [UInt8], at place: PartPlace) throws(Failure) {
        let param = Self.path(of: place)
        if !media.detail.isEmpty, media.detail != "auto" { try self.refuse("\(param).detail") }
        self.writer.beginObject()
        try self.writeSource(of: media, param)
        self.endPart(proof: proof)
    }

    /// Writes where a medium is: its bytes, or a URI that Google fetches itself.
    mutating func writeSource(of media: Media, _ param: String) throws(Failure) {
        switch media.source {
        case .data(let bytes):
            guard !media.mimeType.isEmpty else {
                throw Failure(.invalidRequest, "\(param).mime_type: bytes need a type", param: "\(param).mime_type")
            }
            self.beginInline(media.mimeType)
            self.writer.beginString()
            self.writer.stringPart(base64: bytes)
            self.writer.endString()
            self.writer.endObject()
        case .url(let url) where url.utf8.starts(with: "data:".utf8):
            let (type, data) = try self.parts(ofDataURL: url, "\(param).url")
            self.beginInline(media.mimeType.isEmpty ? type : media.mimeType)
            self.writer.string(data)
            self.writer.endObject()
        case .url(let url): self.writeFile(url, media.mimeType)
        case .file(let id): self.writeFile(self.uri(ofFile: id), media.mimeType)
        case .blob(let id):
            throw Failure(.invalidRequest, "there is no blob \(id) on this connection", param: "\(param).blob_id")
        }
    }

    private mutating func beginInline(_ type: String) {
        self.writer.key("inlineData")
        self.writer.beginObject()
        self.writer.key("mimeType")
        self.writer.string(type)
        self.writer.key("data")
    }

    private mutating func writeFile(_ uri: String, _ type: String) {
        self.writer.key("fileData")
        self.writer.beginObject()
        self.writer.key("fileUri")
        self.writer.string(uri)
        if !type.isEmpty {
            self.writer.key("mimeType")
            self.writer.string(type)
        }
        self.writer.endObject()
    }

    /// A file of the Files API is named `files/ID` and fetched by its URI.
    private func uri(ofFile id: String) -> String {
        guard id.hasPrefix("files/"), !self.endpoint.quirks.contains(.vertexPath) else { return id }
        return "https://generativelanguage.googleapis.com/v1beta/\(id)"
    }

    /// The type and the base64 text of a `data:` URL (RFC 2397).
    private func parts(ofDataURL url: String, _ param: String) throws(Failure) -> (type: String, data: String) {
        let rest = url.dropFirst("data:".utf8.count)
        guard let comma = rest.firstIndex(of: ","), rest[..<comma].hasSuffix(";base64") else {
            throw Failure(.invalidRequest, "\(param): it must be data:TYPE;base64,BYTES", param: param)
        }
        let type = rest[..<comma].prefix { $0 != ";" }
        let data = String(rest[rest.index(after: comma)...])
        guard type.contains("/"), !data.isEmpty, decodeBase64(Array(data.utf8)) != nil else {
            throw Failure(.invalidRequest, "\(param): it has no type, or its bytes are no base64", param: param)
        }
        return (String(type), data)
    }
}

extension Part.Kind {
    /// Whether a signature that came before it is its own.
    fileprivate var takesProof: Bool {
        switch self {
        case .text, .image, .document, .audio, .video: true
        case .reasoning, .toolCall, .toolResult, .refusal, .opaque: false
        }
    }
}
