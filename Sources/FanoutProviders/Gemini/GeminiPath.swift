// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The target of a request in Google's format.
enum GeminiPath {
    /// The path and query of a request; a stream is asked for as server-sent events.
    static func path(of request: Request, for endpoint: Endpoint, stream: Bool) -> String {
        var method = stream ? "streamGenerateContent" : "generateContent"
        if case .embedding(let embedding) = request.task {
            method = GeminiEncoder.method(for: embedding, at: endpoint)
        }
        var queries: [String] = []
        if stream, method == "streamGenerateContent" { queries.append("alt=sse") }
        if !endpoint.query.isEmpty { queries.append(endpoint.query) }
        let target = "\(self.model(endpoint)):\(method)"
        return queries.isEmpty ? target : target + "?" + queries.joined(separator: "&")
    }

    /// The path of the model: everything before the method.
    ///
    /// A base URL of the Gemini API may end before the version or after it. A model of Vertex that is a number is an
    /// endpoint of one's own, for example of a tuned model.
    private static func model(_ endpoint: Endpoint) -> String {
        let prefix = endpoint.pathPrefix
        if endpoint.quirks.contains(.vertexPath) {
            let isNumber = !endpoint.model.isEmpty && endpoint.model.utf8.allSatisfy { (0x30...0x39).contains($0) }
            let folder = isNumber ? "/endpoints/" : "/publishers/google/models/"
            return prefix + folder + OpenAIPath.percentEncoded(endpoint.model)
        }
        // `v1`, `v1beta`, `v1alpha`.
        let last = prefix.split(separator: "/").last?.utf8.prefix(2)
        let hasVersion = last?.elementsEqual("v1".utf8) == true || last?.elementsEqual("v2".utf8) == true
        let versioned = hasVersion ? prefix : prefix + "/v1beta"
        for folder in ["models/", "tunedModels/"] where endpoint.model.hasPrefix(folder) {
            let name = endpoint.model.dropFirst(folder.utf8.count)
            return "\(versioned)/\(folder)\(OpenAIPath.percentEncoded(String(name)))"
        }
        return "\(versioned)/models/\(OpenAIPath.percentEncoded(endpoint.model))"
    }

    /// The model as the bodies of the Gemini API name it.
    static func name(of endpoint: Endpoint) -> String {
        endpoint.model.hasPrefix("models/") || endpoint.model.hasPrefix("tunedModels/")
            ? endpoint.model : "models/" + endpoint.model
    }
}
