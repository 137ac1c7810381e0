// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// The way from a neutral request to a provider's HTTP request.
///
/// A further wire format is a further case in each `switch` here and in ``AnswerDecoder``, with an encoder and an
/// assembler of its own beside OpenAI's; nothing else of the module knows formats.
package enum Translator {
    /// Makes the HTTP request of one attempt.
    ///
    /// What the provider can't be asked is refused by name, or left out where the endpoint drops parameters; messages
    /// and their parts are never left out.
    /// - Throws: `invalidRequest` or `unsupportedParameter`, with the field in `param`.
    package static func encode(
        _ request: Request,
        for endpoint: Endpoint,
        stream: Bool
    ) throws(Failure) -> ProviderRequest {
        let request = try request.admitted(at: endpoint).withoutForeignSignatures(at: endpoint)
        switch endpoint.format {
        case .openAI, .simulated:
            let dialect = ProviderCatalogue.dialect(of: endpoint.provider)
            let body = try OpenAIEncoder.body(of: request, for: endpoint, dialect: dialect, stream: stream)
            return ProviderRequest(
                path: OpenAIPath.path(of: request, for: endpoint),
                headers: self.headers(for: endpoint, stream: stream),
                body: body
            )
        case .anthropic:
            return ProviderRequest(
                path: AnthropicEncoder.path(for: endpoint),
                headers: self.headers(for: endpoint, stream: stream),
                body: try AnthropicEncoder.body(of: request.withoutDataURLs(), for: endpoint, stream: stream)
            )
        case .cohere:
            let (request, endpoint) = try DeploymentParameters.fill(request, for: endpoint)
            return ProviderRequest(
                path: CohereEncoder.path(of: request, for: endpoint),
                headers: self.headers(for: endpoint, stream: stream),
                body: try CohereEncoder.body(of: request, for: endpoint, stream: stream)
            )
        case .ollama:
            let (request, endpoint) = try DeploymentParameters.fill(request, for: endpoint)
            return ProviderRequest(
                path: OllamaEncoder.path(of: request, for: endpoint),
                headers: self.headers(for: endpoint, stream: stream),
                body: try OllamaEncoder.body(of: request.withoutDataURLs(), for: endpoint, stream: stream)
            )
        case .huggingFace:
            return try self.encodeHuggingFace(request, for: endpoint, stream: stream)
        case .gemini:
            return ProviderRequest(
                path: GeminiPath.path(of: request, for: endpoint, stream: stream),
                headers: self.headers(for: endpoint, stream: stream),
                body: try GeminiEncoder.body(of: request, for: endpoint)
            )
        case .bedrock:
            if case .embedding? = request.task {
                return ProviderRequest(
                    path: BedrockModel.path("invoke", model: endpoint),
                    headers: self.headers(for: endpoint, stream: false),
                    body: try BedrockEmbeddingEncoder.body(of: request, for: endpoint)
                )
            }
            return ProviderRequest(
                path: BedrockModel.path(stream ? "converse-stream" : "converse", model: endpoint),
                headers: self.headers(for: endpoint, stream: stream),
                body: try BedrockEncoder.body(of: request, for: endpoint)
            )
        }
    }

    /// A completion in the form of text-generation-inference, anything else in OpenAI's.
    private static func encodeHuggingFace(
        _ request: Request,
        for endpoint: Endpoint,
        stream: Bool
    ) throws(Failure) -> ProviderRequest {
        let headers = self.headers(for: endpoint, stream: stream)
        let (filled, own) = try DeploymentParameters.fill(request, for: endpoint)
        guard case .completion(let completion)? = filled.task else {
            let endpoint = HuggingFacePath.openAI(endpoint)
            let dialect = ProviderCatalogue.dialect(of: endpoint.provider)
            return ProviderRequest(
                path: OpenAIPath.path(of: request, for: endpoint),
                headers: headers,
                body: try OpenAIEncoder.body(of: request, for: endpoint, dialect: dialect, stream: stream)
            )
        }
        return ProviderRequest(
            path: HuggingFacePath.completionPath(for: endpoint, stream: stream),
            headers: headers,
            body: try GenerationEncoder.body(of: completion, extra: request.extraJSON, for: own, stream: stream)
        )
    }

    /// The request as bytes in one canonical form, without anything of an endpoint and with no parameter left out.
    ///
    /// Made for digests, never sent. Two requests with the same bytes ask for the same, but for the wishes that this
    /// format has no word for: whether reasoning is given back and summarised, and where the provider's prompt cache
    /// may end a prefix.
    /// - Throws: `invalidRequest` or `unsupportedParameter` for what has no canonical form: it equals no other.
    package static func canonicalBytes(of request: Request) throws(Failure) -> [UInt8] {
        let endpoint = Endpoint(
            provider: "",
            format: .openAI,
            isSecure: false,
            host: "",
            port: 0,
            pathPrefix: "",
            model: request.model
        )
        var request = request
        request.extraJSON = try ExtraParameters(request.extraJSON).sortedJSON
        return try OpenAIEncoder.body(of: request, for: endpoint, dialect: .canonical, stream: false)
    }

    private static func headers(for endpoint: Endpoint, stream: Bool) -> [Endpoint.Header] {
        var headers: [Endpoint.Header] = []
        headers.reserveCapacity(3 + endpoint.headers.count)
        headers.append(Endpoint.Header(name: "content-type", value: Secret("application/json")))
        let form = endpoint.format == .bedrock ? "application/vnd.amazon.eventstream" : "text/event-stream"
        headers.append(Endpoint.Header(name: "accept", value: Secret(stream ? form : "application/json")))
        switch endpoint.credential {
        // A signature covers the finished request; what is renewed is another case by now.
        case .none, .aws, .renewed: break
        case .bearer(let key):
            headers.append(Endpoint.Header(name: "authorization", value: Secret("Bearer " + key.revealed)))
        case .header(let name, let value):
            headers.append(Endpoint.Header(name: name, value: value))
        }
        if endpoint.format == .anthropic {
            let isGiven = endpoint.headers.contains { AnswerHead.same($0.name, "anthropic-version") }
            if !isGiven {
                headers.append(Endpoint.Header(name: "anthropic-version", value: Secret(AnthropicEncoder.version)))
            }
        }
        headers.append(contentsOf: endpoint.headers)
        return headers
    }
}
