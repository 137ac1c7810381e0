// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Where requests go at Hugging Face: to its router, to an endpoint of one's own, or to a server of
/// text-generation-inference anywhere.
enum HuggingFacePath {
    /// The host of the router, which has many models and their providers behind it.
    static let router = "router.huggingface.co"

    /// How a completion is asked for.
    enum Route: Equatable {
        /// `/generate` and `/generate_stream`, of a server that has one model.
        case operations
        /// The path of a model, where the body says whether it is streamed.
        case model
    }

    /// The route of completions.
    static func route(for endpoint: Endpoint) -> Route {
        endpoint.host == Self.router || TextSearch.contains("/models/", in: endpoint.pathPrefix) ? .model : .operations
    }

    /// The endpoint of a conversation or an embedding, which are in OpenAI's format.
    ///
    /// A base URL may end in `/v1`, in an operation of the server's own, or before them. LiteLLM names the provider
    /// behind the router before the model, the router behind it: `together/org/model` is `org/model:together`.
    static func openAI(_ endpoint: Endpoint) -> Endpoint {
        var endpoint = endpoint
        endpoint.pathPrefix = Self.base(of: endpoint) + "/v1"
        let names = endpoint.model.split(separator: "/")
        if endpoint.host == Self.router, names.count == 3 { endpoint.model = "\(names[1])/\(names[2]):\(names[0])" }
        return endpoint
    }

    /// The path and query of a completion.
    static func completionPath(for endpoint: Endpoint, stream: Bool) -> String {
        var path = Self.base(of: endpoint)
        switch Self.route(for: endpoint) {
        case .operations: path += stream ? "/generate_stream" : "/generate"
        // The router's own inference; the providers behind it have conversations only.
        case .model where endpoint.host == Self.router && !TextSearch.contains("/models/", in: path):
            path = "/hf-inference/models/" + endpoint.model
        case .model: break
        }
        return endpoint.query.isEmpty ? path : path + "?" + endpoint.query
    }

    private static func base(of endpoint: Endpoint) -> String {
        var path = endpoint.pathPrefix
        for end in ["/generate", "/generate_stream", "/v1"] where path.hasSuffix(end) {
            path.removeLast(end.utf8.count)
            break
        }
        return path
    }
}
