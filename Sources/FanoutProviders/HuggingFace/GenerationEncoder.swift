// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes the body of a text completion for text-generation-inference.
///
/// Source: huggingface.github.io/text-generation-inference, `/generate`; the limits of its parameters are from
/// router/src/validation.rs. Its conversations are in OpenAI's format.
struct GenerationEncoder: BodyEncoder {
    var writer: JSONWriter
    let endpoint: Endpoint
    let extra: ExtraParameters
    var written: [String] = []
    let keepsKeys: Bool

    /// The body of a request.
    static func body(
        of completion: CompletionRequest,
        extra: [UInt8],
        for endpoint: Endpoint,
        stream: Bool
    ) throws(Failure) -> [UInt8] {
        var encoder = GenerationEncoder(
            writer: JSONWriter(capacity: 512 + extra.count),
            endpoint: endpoint,
            extra: try ExtraParameters(extra),
            keepsKeys: !endpoint.defaultsJSON.isEmpty
        )
        encoder.writer.beginObject()
        encoder.key("inputs")
        encoder.writer.string(try encoder.onePrompt(of: completion))
        try encoder.writeParameters(completion, stream: stream)
        if HuggingFacePath.route(for: endpoint) == .model { encoder.member("stream", stream) }
        try encoder.writeExtra()
        try encoder.writeDefaults(stream: stream)
        encoder.writer.endObject()
        return encoder.writer.finish()
    }

    /// All but the options of the old serverless API.
    func nests(_ key: String) -> Bool { key != "options" }

    /// What the caller sent in addition goes before the request's own fields, those before the endpoint's defaults.
    private mutating func writeParameters(_ completion: CompletionRequest, stream: Bool) throws(Failure) {
        if completion.echo, stream { try self.refuse("echo of a streamed completion") }
        if !completion.suffix.isEmpty { try self.refuse("suffix") }
        if let choices = completion.choices, choices > 1 { try self.refuse("choices") }
        if !completion.user.isEmpty { try self.refuse("user") }
        var parameters = NestedMembers()
        try self.nested(in: "parameters", from: self.extra.json, "extra_json", into: &parameters)
        // The reason of the end and the counts are in the details.
        parameters.add("details") { $0.bool(true) }
        parameters.add("return_full_text") { $0.bool(completion.echo && !stream) }
        if let count = completion.logprobs, count > 0 { parameters.add("top_n_tokens") { $0.uint(UInt64(count)) } }
        try self.add(completion.sampling, to: &parameters)
        try self.nested(in: "parameters", from: self.endpoint.defaultsJSON, "the defaults", into: &parameters)
        self.key("parameters")
        parameters.write(to: &self.writer)
    }

    private func add(_ sampling: Sampling, to parameters: inout NestedMembers) throws(Failure) {
        if let most = sampling.maxTokens { parameters.add("max_new_tokens") { $0.uint(UInt64(most)) } }
        if !sampling.stop.isEmpty {
            parameters.add("stop") { (writer) in
                writer.beginArray()
                for text in sampling.stop { writer.string(text) }
                writer.endArray()
            }
        }
        if let seed = sampling.seed {
            // Without a sign here.
            if seed < 0 { try self.refuse("seed below 0") } else { parameters.add("seed") { $0.int(seed) } }
        }
        if sampling.presencePenalty != nil { try self.refuse("presence_penalty") }
        try parameters.add("frequency_penalty", sampling.frequencyPenalty, from: "frequency_penalty")
        // A temperature of 0 is refused, and means the likeliest token, which is what comes where nothing is drawn.
        guard sampling.temperature != 0 else { return }
        try parameters.add("temperature", sampling.temperature, from: "temperature")
        if let count = sampling.topK { parameters.add("top_k") { $0.uint(UInt64(count)) } }
        // 1 is refused, and means what its absence does.
        if sampling.topP != 1 { try parameters.add("top_p", sampling.topP, from: "top_p") }
    }
}
