// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

/// Google's two doors to one format.
@Suite struct VertexTests {
    func small(_ params: String, _ environment: [String: String] = [:]) throws -> Deployment {
        try load("model_list:\n  - model_name: small\n    litellm_params: {\(params)}\n", environment).small()
    }

    func errors(_ params: String, _ environment: [String: String] = [:]) -> [String] {
        FanoutConfigurationTests.errors(
            "model_list:\n  - model_name: small\n    litellm_params: {\(params)}\n",
            environment
        )
    }

    @Test func `the Gemini API has an address of its own, and the key in Google's header`() throws {
        let endpoint = try self.small("model: gemini/gemini-2.5-flash", ["GEMINI_API_KEY": "k"]).endpoint
        #expect(endpoint.format == .gemini && endpoint.model == "gemini-2.5-flash")
        #expect(endpoint.host == "generativelanguage.googleapis.com" && endpoint.pathPrefix == "/v1beta")
        #expect(endpoint.credential == .header(name: "x-goog-api-key", value: Secret("k")))
    }

    @Test func `a service account's key names its project where nothing else does`() throws {
        let key =
            #"{"type":"service_account","client_email":"a@p","private_key":"PEM","project_id":"of-the-key"}"#
        func path(_ params: String, _ environment: [String: String] = [:]) throws -> String {
            let yaml =
                "model_list:\n  - model_name: small\n    litellm_params: {model: vertex_ai/m, api_key: k\(params)}\n"
            return try load(yaml, environment, files: ["/key.json": key]).small().endpoint.pathPrefix
        }
        let own = "/v1beta1/projects/of-the-key/locations/us-central1"
        #expect(try path(", vertex_credentials: /key.json") == own)
        #expect(try path(", vertex_credentials: '\(key)'") == own)
        #expect(try path(", vertex_credentials: \(key)") == own)
        #expect(try path("", ["GOOGLE_APPLICATION_CREDENTIALS": "/key.json"]) == own)
        #expect(try path(", vertex_project: p, vertex_credentials: /key.json").contains("/projects/p/"))
        let odd = self.errors(#"model: vertex_ai/m, api_key: k, vertex_credentials: {project_id: "a/b"}"#)
        #expect(odd.count == 1 && odd[0].contains("vertex_project: is missing"), "\(odd)")
    }

    struct Place: Sendable {
        var params: String
        var environment: [String: String] = [:]
        var host: String
        var path: String
    }

    @Test(arguments: [
        Place(
            params: "vertex_project: p-1, vertex_location: europe-west4",
            host: "europe-west4-aiplatform.googleapis.com",
            path: "/v1beta1/projects/p-1/locations/europe-west4"
        ),
        Place(
            params: "vertex_project: os.environ/P, vertex_location: global",
            environment: ["P": "example.com:old"],
            host: "aiplatform.googleapis.com",
            path: "/v1beta1/projects/example.com:old/locations/global"
        ),
        Place(
            params: "vertex_location: eu",
            environment: ["VERTEXAI_PROJECT": "p"],
            host: "aiplatform.eu.rep.googleapis.com",
            path: "/v1beta1/projects/p/locations/eu"
        ),
        Place(
            params: "weight: 1",
            environment: ["GOOGLE_CLOUD_PROJECT": "p", "VERTEXAI_LOCATION": "asia-east1"],
            host: "asia-east1-aiplatform.googleapis.com",
            path: "/v1beta1/projects/p/locations/asia-east1"
        ),
        Place(
            params: "vertex_project: p",
            host: "us-central1-aiplatform.googleapis.com",
            path: "/v1beta1/projects/p/locations/us-central1"
        ),
        Place(
            params: "vertex_project: p, api_base: \"https://proxy.example/g/v1\"",
            host: "proxy.example",
            path: "/g/v1/projects/p/locations/us-central1"
        ),
        Place(
            params: "api_base: \"https://proxy.example/v1/projects/q/locations/l\"",
            host: "proxy.example",
            path: "/v1/projects/q/locations/l"
        ),
    ])
    func `Vertex is where its project and location say`(row: Place) throws {
        let params = "model: vertex_ai/gemini-2.5-pro, api_key: ya29, " + row.params
        let endpoint = try self.small(params, row.environment).endpoint
        #expect(endpoint.host == row.host && endpoint.pathPrefix == row.path && endpoint.isSecure)
        #expect(endpoint.credential == .bearer(Secret("ya29")))
        #expect(endpoint.quirks.contains(.vertexPath))
    }

    @Test(arguments: [
        ("model: vertex_ai/gemini-2.5-pro", "vertex_project: is missing"),
        ("model: vertex_ai/gemini-2.5-pro, vertex_project: a/b", "vertex_project: must be a name"),
        (
            "model: vertex_ai/gemini-2.5-pro, vertex_project: p, vertex_location: \"l?\"",
            "vertex_location: must be a name"
        ),
        ("model: vertex_ai/claude-sonnet-4, vertex_project: p", "model: is no model of Google's own"),
        ("model: vertex_ai/meta/llama, vertex_project: p", "model: is no model of Google's own"),
    ])
    func `what Vertex can't be told is an error`(params: String, error: String) {
        #expect(self.errors(params + ", api_key: k").contains { $0.contains(error) })
    }

    @Test func `a location is the region, too, and projects of one key are different deployments`() throws {
        let base = "model: vertex_ai/gemini-2.5-pro, api_key: k, vertex_location: europe-west4, vertex_project: "
        let (first, second) = (try self.small(base + "p"), try self.small(base + "q"))
        #expect(first.region == "europe-west4")
        #expect(first.identity != second.identity)
    }
}
