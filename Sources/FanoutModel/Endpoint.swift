// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The form of a provider's HTTP bodies.
package enum WireFormat: UInt8, Sendable, Hashable {
    /// OpenAI's chat completions, completions and embeddings, and all that imitate them.
    case openAI
    /// Anthropic's Messages.
    case anthropic
    /// Cohere's API, version 2.
    case cohere
    /// Ollama's own.
    case ollama
    /// Text-generation-inference's own for text completions, and OpenAI's for the rest.
    case huggingFace
    /// Google's generateContent and its embedding methods, of the Gemini API and of Vertex AI.
    case gemini
    /// Amazon Bedrock's Converse, and InvokeModel for embeddings.
    case bedrock
    /// The built-in seeded provider; no network.
    case simulated
}

/// How a provider's dialect of its wire format differs from the format's own.
package struct Quirks: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32

    /// Makes a set from its bits.
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The bound on the answer is `max_completion_tokens`, not `max_tokens`.
    package static let maxCompletionTokens = Quirks(rawValue: 1 << 0)
    /// `stream_options` is refused.
    package static let noStreamOptions = Quirks(rawValue: 1 << 1)
    /// The reported completion tokens exclude reasoning.
    package static let completionExcludesReasoning = Quirks(rawValue: 1 << 2)
    /// The seed is called `random_seed`.
    package static let randomSeed = Quirks(rawValue: 1 << 3)
    /// The model's name is in the path and the API version in the query.
    package static let azurePath = Quirks(rawValue: 1 << 4)
    /// The `system` role is called `developer`.
    package static let developerRole = Quirks(rawValue: 1 << 5)
    /// The path names a project and its location, and models have a publisher.
    package static let vertexPath = Quirks(rawValue: 1 << 8)
}

/// How a request proves who pays.
package enum Credential: Sendable, Hashable {
    case none
    /// `Authorization: Bearer …`.
    case bearer(Secret)
    /// A header of its own, for example `api-key: …`.
    case header(name: String, value: Secret)
    /// AWS Signature Version 4, made for each request as it is sent, with ``Endpoint/region`` in its scope.
    case aws(AWSCredentials)
    /// It ends: whoever sends a request has one of the other cases in its place by then.
    indirect case renewed(CredentialSource)
}

/// Where and how a deployment is reached.
package struct Endpoint: Sendable, Hashable {
    /// The provider's name as LiteLLM spells it, for example `openai`.
    package var provider: String
    /// The form of the bodies.
    package var format: WireFormat
    /// Differences from the format.
    package var quirks: Quirks = []
    /// TLS or not.
    package var isSecure: Bool
    /// A name or an address, without brackets.
    package var host: String
    /// The TCP port.
    package var port: UInt16
    /// What comes before `/chat/completions`, for example `/v1`; empty or starting with a slash, not ending with one.
    package var pathPrefix: String
    /// The query that each request carries, without the question mark; empty = none.
    package var query = ""
    /// The model as the provider names it.
    package var model: String
    /// Where the cloud runs it, in the cloud's own spelling, for example `us-east-1`; empty = not known.
    package var region = ""
    /// Who pays.
    package var credential: Credential = .none
    /// Sent with each request.
    package var headers: [Header] = []
    /// Parameters that a request doesn't give itself: one JSON object, or empty.
    package var defaultsJSON: [UInt8] = []
    /// Parameters that the provider doesn't take are dropped instead of refused.
    package var dropsUnsupported = false

    /// A header that is sent with each request.
    package struct Header: Sendable, Hashable {
        /// Its name.
        package var name: String
        /// Its value.
        package var value: Secret

        /// Makes a header.
        package init(name: String, value: Secret) {
            self.name = name
            self.value = value
        }
    }

    /// What the header `host` says of a place: without the port where that is the scheme's own.
    package static func authority(_ host: String, _ port: UInt16, isSecure: Bool) -> String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// Makes an endpoint.
    package init(
        provider: String,
        format: WireFormat,
        isSecure: Bool,
        host: String,
        port: UInt16,
        pathPrefix: String,
        model: String
    ) {
        self.provider = provider
        self.format = format
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.pathPrefix = pathPrefix
        self.model = model
    }
}
