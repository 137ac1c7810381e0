// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// What several formats write alike.
extension BodyEncoder {
    /// Where a part stands in the request.
    static func path(of place: PartPlace) -> String { "messages[\(place.message)].parts[\(place.part)]" }

    /// Writes a URL, or bytes as a data URL (RFC 2397).
    mutating func writeDataURL(of media: Media, at path: String) throws(Failure) {
        switch media.source {
        case .url(let url):
            self.writer.string(url)
        case .data(let bytes):
            guard !media.mimeType.isEmpty else {
                throw Failure(.invalidRequest, "bytes need a mime_type", param: "\(path).mime_type")
            }
            self.writer.beginString()
            self.writer.stringPart("data:")
            self.writer.stringPart(media.mimeType)
            self.writer.stringPart(";base64,")
            self.writer.stringPart(base64: bytes)
            self.writer.endString()
        case .file:
            throw Self.unsupportedPart("only documents can be named by file id", path, self.endpoint)
        case .blob(let id):
            throw Failure(.invalidRequest, "there is no blob \(id) on this connection", param: "\(path).blob_id")
        }
    }

    /// Writes a function that the model may call, in OpenAI's form.
    mutating func writeFunction(_ tool: Tool) {
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string("function")
        self.writer.key("function")
        self.writer.beginObject()
        self.writer.key("name")
        self.writer.string(tool.name)
        if !tool.description.isEmpty {
            self.writer.key("description")
            self.writer.string(tool.description)
        }
        self.writer.key("parameters")
        // These formats want a schema of a tool without parameters, too.
        self.writer.raw(
            tool.parametersJSON.isEmpty ? Array(#"{"type":"object","properties":{}}"#.utf8) : tool.parametersJSON
        )
        self.writer.endObject()
        self.writer.endObject()
    }

    /// The one prompt of a completion, for formats that take one.
    func onePrompt(of completion: CompletionRequest) throws(Failure) -> String {
        guard completion.prompts.count == 1 else {
            throw Failure(
                .unsupportedParameter,
                "\(self.endpoint.provider) completes one prompt a request: send an item for each",
                param: "prompts"
            )
        }
        return completion.prompts[0]
    }

    mutating func writeTexts(_ texts: [String]) {
        self.writer.beginArray()
        for text in texts { self.writer.string(text) }
        self.writer.endArray()
    }

    /// The refusal of a tool that is no function.
    static func unsupportedTool(_ index: Int, _ endpoint: Endpoint) -> Failure {
        Failure(
            .unsupportedParameter,
            "\(endpoint.provider) takes only tools that are functions",
            param: "tools[\(index)]"
        )
    }

    /// The refusal of a part in the wrong turn.
    static func misplacedPart(_ place: PartPlace) -> Failure {
        Failure(
            .invalidRequest,
            "this part belongs in an assistant's or a tool's turn",
            param: self.path(of: place)
        )
    }
}
