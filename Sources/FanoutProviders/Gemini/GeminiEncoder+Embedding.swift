// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension GeminiEncoder {
    /// The method that makes vectors.
    ///
    /// The Gemini API takes one text or a batch of them. Vertex takes many by `predict`, which its older models know,
    /// and one by `embedContent`, which its newer ones do; Google's client tells them by the name, too
    /// (`t_is_vertex_embed_content_model`).
    static func method(for embedding: EmbeddingRequest, at endpoint: Endpoint) -> String {
        guard endpoint.quirks.contains(.vertexPath) else {
            return embedding.inputs.count == 1 ? "embedContent" : "batchEmbedContents"
        }
        let isNewer = endpoint.model.contains("gemini") && endpoint.model != "gemini-embedding-001"
        return isNewer || endpoint.model.contains("maas") ? "embedContent" : "predict"
    }

    /// Writes the members of the body.
    mutating func write(_ embedding: EmbeddingRequest) throws(Failure) {
        if !embedding.user.isEmpty { try self.refuse("user") }
        switch Self.method(for: embedding, at: self.endpoint) {
        case "predict": try self.writePrediction(embedding)
        case "embedContent" where self.endpoint.quirks.contains(.vertexPath):
            guard embedding.inputs.count == 1 else {
                throw Failure(
                    .unsupportedParameter,
                    "\(self.endpoint.model) makes one vector a request at \(self.endpoint.provider): send one input",
                    param: "inputs"
                )
            }
            self.writeContent(embedding.inputs[0])
            self.key("embedContentConfig")
            self.writer.beginObject()
            self.writeWishes(embedding)
            let own = try GeminiObject("embedContentConfig", of: self.extra)
            own.write(to: &self.writer)
            self.writer.endObject()
            try self.writeOwn(skipping: ["embedContentConfig"])
        case "embedContent":
            self.writeContent(embedding.inputs[0])
            self.writeWishes(embedding)
            try self.writeOwn(skipping: [])
        default:
            self.key("requests")
            self.writer.beginArray()
            for input in embedding.inputs {
                self.writer.beginObject()
                self.writer.key("model")
                self.writer.string(GeminiPath.name(of: self.endpoint))
                self.writeContent(input)
                self.writeWishes(embedding)
                // What the caller adds is said of each text.
                try self.writeOwn(skipping: [])
                self.writer.endObject()
            }
            self.writer.endArray()
        }
    }

    private mutating func writeContent(_ text: String) {
        self.writer.key("content")
        self.writer.beginObject()
        self.writer.key("parts")
        self.writer.beginArray()
        self.writer.beginObject()
        self.writer.key("text")
        self.writer.string(text)
        self.writer.endObject()
        self.writer.endArray()
        self.writer.endObject()
    }

    private mutating func writeWishes(_ embedding: EmbeddingRequest) {
        if !embedding.inputType.isEmpty, self.leaves("taskType") {
            self.writer.key("taskType")
            self.writer.string(Self.taskType(embedding.inputType))
        }
        if let dimensions = embedding.dimensions, self.leaves("outputDimensionality") {
            self.writer.key("outputDimensionality")
            self.writer.uint(UInt64(dimensions))
        }
    }

    private mutating func writePrediction(_ embedding: EmbeddingRequest) throws(Failure) {
        self.key("instances")
        self.writer.beginArray()
        for input in embedding.inputs {
            self.writer.beginObject()
            self.writer.key("content")
            self.writer.string(input)
            if !embedding.inputType.isEmpty {
                self.writer.key("task_type")
                self.writer.string(Self.taskType(embedding.inputType))
            }
            self.writer.endObject()
        }
        self.writer.endArray()
        let own = try GeminiObject("parameters", of: self.extra)
        let dimensions = own.has("outputDimensionality") ? nil : embedding.dimensions
        if dimensions != nil || !own.isEmpty {
            self.key("parameters")
            self.writer.beginObject()
            if let dimensions {
                self.writer.key("outputDimensionality")
                self.writer.uint(UInt64(dimensions))
            }
            own.write(to: &self.writer)
            self.writer.endObject()
        }
        try self.writeOwn(skipping: ["parameters"])
    }

    /// Google's word for what vectors are for; its own words are left as they are.
    private static func taskType(_ inputType: String) -> String {
        switch inputType {
        case "search_document": "RETRIEVAL_DOCUMENT"
        case "search_query": "RETRIEVAL_QUERY"
        case "classification": "CLASSIFICATION"
        case "clustering": "CLUSTERING"
        default: inputType
        }
    }
}
