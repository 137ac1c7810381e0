// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutProviders
import Foundation
import Testing

/// One recorded answer of a provider whose format Fanout speaks.
struct Recording: Sendable, CustomTestStringConvertible {
    var id: String
    var provider: String
    var endpoint: String
    var status: UInt16
    var head: AnswerHead
    var body: [UInt8]
    var isEventStream: Bool
    var inputs: Int
    var choices: UInt32?
    var tags: Set<String>
    /// What was asked, null where the recorder kept no body, and where.
    var requestBody: JSONValue
    var requestURL: String
    /// Long strings of the request are cut.
    var isRequestCut: Bool

    var testDescription: String { self.id }

    /// Everything recorded, or nothing where there are no recordings, which is said once.
    static let all: [Recording] = Self.load()

    private static func load() -> [Recording] {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder =
            ProcessInfo.processInfo.environment["FANOUT_PROVIDER_TRAFFIC"].map { URL(fileURLWithPath: $0) }
            ?? package.deletingLastPathComponent().appendingPathComponent("shared/provider-traffic")
        guard let index = try? Data(contentsOf: folder.appendingPathComponent("index.json")),
            let entries = try? JSONValue(parsing: Array(index))
        else {
            print("recorded-traffic tests skipped: no index.json in \(folder.path); set FANOUT_PROVIDER_TRAFFIC")
            return []
        }
        let cases = entries.elements ?? entries["cases"]?.elements ?? []
        return cases.compactMap { entry -> Recording? in
            guard let file = entry["file"]?.text, let provider = entry["provider"]?.text,
                let endpoint = entry["endpoint"]?.text, let name = Self.name(of: provider, endpoint),
                ["chat.completions", "completions", "embeddings", "messages"]
                    .contains(endpoint.split(separator: "-").last ?? "") || endpoint.hasPrefix("openai-compat.")
                    || ["cohere", "ollama", "huggingface", "gemini", "vertex"].contains(provider)
                    || (provider == "bedrock" && Self.isConverse(entry, endpoint))
                    || endpoint.hasPrefix("other:")
            else { return nil }
            return try? Recording(file: folder.appendingPathComponent(file), provider: name)
        }
    }

    /// Conversations go by Converse; of InvokeModel, which has each model's own form, only the failures are alike.
    private static func isConverse(_ entry: JSONValue, _ endpoint: String) -> Bool {
        endpoint.hasPrefix("converse") || (entry["tags"]?.elements ?? []).contains(.string("error"))
    }

    /// The catalogue's name of a recorded provider, whose own format the operation is in.
    private static func name(of provider: String, _ endpoint: String) -> String? {
        endpoint.hasPrefix("openai-compat.") ? "openai_like" : Self.names[provider]
    }

    private static let names = [
        "openai": "openai", "azure-openai": "azure", "mistral": "mistral", "groq": "groq", "deepseek": "deepseek",
        "xai": "xai", "openrouter": "openrouter", "vllm": "hosted_vllm", "openai-compatible": "openai_like",
        "anthropic": "anthropic", "cohere": "cohere", "ollama": "ollama", "huggingface": "huggingface",
        "gemini": "gemini", "vertex": "vertex_ai", "bedrock": "bedrock",
    ]

    private init(file: URL, provider: String) throws {
        let bytes = Array(try Data(contentsOf: file))
        let tree = try JSONValue(parsing: bytes)
        self.id = tree["id"]?.text ?? file.lastPathComponent
        self.provider = provider
        self.endpoint = tree["endpoint"]?.text ?? ""
        self.tags = Set((tree["tags"]?.elements ?? []).compactMap(\.text))
        let response = tree["response"] ?? .null
        guard case .integer(let status)? = response["status"] else { throw JSONError(.typeMismatch, at: 0) }
        self.status = UInt16(clamping: status)
        self.head = AnswerHead(status: self.status)
        if case .object(let headers)? = response["headers"] {
            for (name, value) in headers { self.head.take(name: name, value: value.text ?? "") }
        }
        if let text = response["body_text"]?.text {
            self.body = Array(text.utf8)
        } else if let text = response["body_base64"]?.text {
            self.body = decodeBase64(Array(text.utf8)) ?? []
        } else {
            self.body = try Self.rawBody(bytes)
        }
        let request = tree["request"] ?? .null
        self.requestBody = request["body_json"] ?? .null
        self.requestURL = request["url"]?.text ?? ""
        self.isRequestCut = request["body_truncated"] == .bool(true)
        let isWhole = response["body_text"] == nil && response["body_base64"] == nil
        self.isEventStream = !isWhole && self.status == 200
        if case .integer(let count)? = self.requestBody["n"] { self.choices = UInt32(clamping: count) }
        if case .integer(let count)? = self.requestBody["generationConfig"]?["candidateCount"] {
            self.choices = UInt32(clamping: count)
        }
        switch self.requestBody["input"] ?? self.requestBody["texts"] ?? self.requestBody["requests"] {
        case .array(let inputs)?: self.inputs = inputs.count
        default: self.inputs = 1
        }
    }

    /// Whether it is the answer of a failure: some are so at status 200.
    var isFailure: Bool {
        if self.tags.contains("error") { return true }
        guard let body = try? JSONValue(parsing: self.body) else { return false }
        return body["promptFeedback"]?["blockReason"] != nil && body["candidates"] == nil
    }

    /// `response.body_json` with its own bytes.
    private static func rawBody(_ file: [UInt8]) throws -> [UInt8] {
        try withJSONReader(file) { (reader) throws(JSONError) -> [UInt8] in
            var body: [UInt8] = []
            try reader.enterObject()
            while try reader.nextMember() {
                guard reader.keyIs("response") else {
                    try reader.skip()
                    continue
                }
                try reader.enterObject()
                while try reader.nextMember() {
                    if reader.keyIs("body_json") { body = try reader.raw() } else { try reader.skip() }
                }
            }
            return body
        }
    }
}
