// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What a model's id on Bedrock tells of it.
///
/// An id is a model's own (`anthropic.claude-…`), an inference profile's that may run it in several regions
/// (`us.anthropic.claude-…`), or an ARN. The ARN of an application's own profile tells nothing of its model.
struct BedrockModel {
    /// Who made a model, where something about it differs.
    enum Family {
        case anthropic
        case nova
        case cohere
        /// Amazon's embeddings.
        case titan
        case openAI
        case unknown
    }

    let family: Family

    init(_ id: String) {
        // The last part of an ARN names the model or the profile.
        let name = id.lowercased().split(separator: "/").last ?? ""
        self.family =
            if TextSearch.contains("anthropic.", in: name) || TextSearch.contains("claude", in: name) {
                .anthropic
            } else if TextSearch.contains("amazon.nova", in: name) {
                .nova
            } else if TextSearch.contains("amazon.titan", in: name) {
                .titan
            } else if TextSearch.contains("cohere.", in: name) {
                .cohere
            } else if TextSearch.contains("openai.", in: name) {
                .openAI
            } else {
                .unknown
            }
    }

    /// The target of a request: an operation on an endpoint's model, whose id is one segment however many slashes it
    /// has.
    static func path(_ operation: String, model endpoint: Endpoint) -> String {
        let path = "\(endpoint.pathPrefix)/model/\(OpenAIPath.percentEncoded(endpoint.model))/\(operation)"
        return endpoint.query.isEmpty ? path : "\(path)?\(endpoint.query)"
    }
}
