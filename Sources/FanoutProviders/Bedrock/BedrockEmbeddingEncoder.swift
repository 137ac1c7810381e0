// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes the body of an embedding for Amazon Bedrock's InvokeModel, which is as the model's maker has it.
///
/// Sources: Amazon Bedrock User Guide, "Amazon Titan Embeddings Text", "Amazon Titan Multimodal Embeddings G1" and
/// "Cohere Embed". Converse has no embeddings.
struct BedrockEmbeddingEncoder: BodyEncoder {
    var writer: JSONWriter
    let endpoint: Endpoint
    let extra: ExtraParameters
    var written: [String] = []
    let keepsKeys: Bool

    /// The body of a request.
    static func body(of request: Request, for endpoint: Endpoint) throws(Failure) -> [UInt8] {
        let (request, endpoint) = try DeploymentParameters.fill(request, for: endpoint)
        switch BedrockModel(endpoint.model).family {
        case .cohere: return try CohereEncoder.body(of: request, for: endpoint, stream: false)
        case .titan:
            var encoder = BedrockEmbeddingEncoder(
                writer: JSONWriter(capacity: 1_024),
                endpoint: endpoint,
                extra: try ExtraParameters(request.extraJSON),
                keepsKeys: !endpoint.defaultsJSON.isEmpty
            )
            guard case .embedding(let embedding)? = request.task else {
                preconditionFailure("only embeddings are invoked")
            }
            encoder.writer.beginObject()
            try encoder.write(embedding)
            try encoder.writeExtra()
            try encoder.writeDefaults(stream: false)
            encoder.writer.endObject()
            return encoder.writer.finish()
        case .anthropic, .nova, .openAI, .unknown:
            throw Failure(
                .unsupportedParameter,
                "\(endpoint.model) makes no vectors at \(endpoint.provider) that are known: take a model "
                    + "amazon.titan-embed-… or cohere.embed-…",
                param: "task"
            )
        }
    }

    private mutating func write(_ embedding: EmbeddingRequest) throws(Failure) {
        guard embedding.inputs.count == 1 else {
            throw Failure(
                .unsupportedParameter,
                "\(self.endpoint.model) makes one vector a request at \(self.endpoint.provider): send one input",
                param: "inputs"
            )
        }
        for name: StaticString in ["inputText", "inputImage", "embeddingTypes"] where self.extra.has(name) {
            throw Failure(
                .invalidRequest,
                "extra_json must not have the key \(name): what is embedded is the request's own text, as float32",
                param: "extra_json.\(name)"
            )
        }
        self.key("inputText")
        self.writer.string(embedding.inputs[0])
        if let size = embedding.dimensions { try self.write(dimensions: size) }
        if !embedding.inputType.isEmpty { try self.refuse("input_type") }
        if !embedding.user.isEmpty { try self.refuse("user") }
    }

    /// The first model for texts has one size, the one for images a place of its own for it.
    private mutating func write(dimensions: UInt32) throws(Failure) {
        if self.endpoint.model.contains("titan-embed-image") {
            guard self.wants("embeddingConfig") else { return }
            self.key("embeddingConfig")
            self.writer.beginObject()
            self.writer.key("outputEmbeddingLength")
            self.writer.uint(UInt64(dimensions))
            self.writer.endObject()
        } else if self.endpoint.model.contains("titan-embed-text-v1") {
            try self.refuse("dimensions")
        } else {
            self.member("dimensions", UInt64(dimensions))
        }
    }
}
