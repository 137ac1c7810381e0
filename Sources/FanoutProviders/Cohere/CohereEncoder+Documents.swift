// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// A document that the model may cite.
struct CohereDocument {
    /// What citations call it; empty = Cohere counts.
    var id: String
    /// One JSON object.
    var data: [UInt8]

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        if !self.id.isEmpty {
            writer.key("id")
            writer.string(self.id)
        }
        writer.key("data")
        writer.raw(self.data)
        writer.endObject()
    }
}

extension CohereEncoder {
    /// The documents of all users' turns: Cohere has them beside the conversation, not in it.
    func documents(in messages: [Message]) throws(Failure) -> [CohereDocument] {
        var documents: [CohereDocument] = []
        for (index, message) in messages.enumerated() where message.role == .user {
            for (place, part) in message.parts.enumerated() {
                guard case .document(let media) = part.kind else { continue }
                guard self.wants("documents") else {
                    throw Failure(
                        .invalidRequest,
                        "documents are given in extra_json, too: give them in one place",
                        param: "messages[\(index)].parts[\(place)]"
                    )
                }
                documents.append(try self.document(media, at: (index, place)))
            }
        }
        return documents
    }

    mutating func write(_ documents: [CohereDocument]) throws(Failure) {
        guard !documents.isEmpty else { return }
        self.key("documents")
        self.writer.beginArray()
        for document in documents { document.write(to: &self.writer) }
        self.writer.endArray()
    }

    /// A document of text, under its name, or an object of JSON as it is.
    func document(_ media: Media, at place: PartPlace) throws(Failure) -> CohereDocument {
        guard case .data(let bytes) = media.source else {
            throw Self.unsupportedPart("a document must be sent as bytes", place, self.endpoint)
        }
        if media.mimeType == "application/json" {
            let param = "\(Self.path(of: place)).data"
            try RequestCheck.checkJSON(bytes, param, objectOnly: true)
            return CohereDocument(id: media.name, data: bytes)
        }
        guard media.mimeType.hasPrefix("text/") else {
            throw Self.unsupportedPart("only documents of text or JSON can be sent", place, self.endpoint)
        }
        var writer = JSONWriter(capacity: bytes.count + 64)
        writer.beginObject()
        if !media.name.isEmpty {
            writer.key("title")
            writer.string(media.name)
        }
        writer.key("text")
        writer.string(utf8: bytes)
        writer.endObject()
        return CohereDocument(id: media.name, data: writer.finish())
    }

    // MARK: Tools

    /// Writes the tools, whether one must be called, and whether calls must follow the schemas.
    ///
    /// Names can't be demanded: that only these tools are there, and one must be called, comes to the same.
    mutating func writeTools(of chat: ChatRequest) throws(Failure) {
        var tools = Array(chat.tools.enumerated())
        if case .named(let names)? = chat.toolChoice { tools.removeAll { !names.contains($0.element.name) } }
        if !tools.isEmpty, self.wants("tools") {
            self.key("tools")
            self.writer.beginArray()
            for (index, tool) in tools {
                guard tool.kind == .function else { throw Self.unsupportedTool(index, self.endpoint) }
                self.writeFunction(tool)
            }
            self.writer.endArray()
            let wishes = Set(tools.compactMap(\.element.strict))
            if wishes.count > 1 { try self.refuse("strict for some tools only") }
            if wishes.count == 1 { self.member("strict_tools", wishes.contains(true)) }
        }
        switch chat.toolChoice {
        case .required?, .named?: self.member("tool_choice", "REQUIRED")
        case ToolChoice.none?: self.member("tool_choice", "NONE")
        case .auto?, nil: break
        }
        if chat.parallelToolCalls == false { try self.refuse("parallel_tool_calls") }
    }
}
