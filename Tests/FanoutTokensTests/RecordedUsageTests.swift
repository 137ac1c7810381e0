// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutTokens
import Foundation
import Testing

/// A chat of text that somebody sent to a provider, and the prompt tokens that it reported.
struct RecordedChat: Sendable {
    var model: String
    var chat: ChatRequest
    var tokens: UInt64

    /// Everything recorded, or nothing where there are no recordings, which is said once.
    static let all: [RecordedChat] = {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder =
            ProcessInfo.processInfo.environment["FANOUT_PROVIDER_TRAFFIC"].map { URL(fileURLWithPath: $0) }
            ?? package.deletingLastPathComponent().appendingPathComponent("shared/provider-traffic")
        guard let walker = FileManager.default.enumerator(atPath: folder.path),
            FileManager.default.fileExists(atPath: folder.appendingPathComponent("index.json").path)
        else {
            print("recorded-usage tests skipped: no index.json in \(folder.path); set FANOUT_PROVIDER_TRAFFIC")
            return []
        }
        let names = walker.compactMap { $0 as? String }.filter { $0.hasSuffix(".json") && $0 != "index.json" }.sorted()
        return names.compactMap { RecordedChat(file: folder.appendingPathComponent($0)) }
    }()

    private init?(file: URL) {
        guard let data = try? Data(contentsOf: file),
            let tree = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
            let provider = tree["provider"] as? String,
            let endpoint = tree["endpoint"] as? String, endpoint.hasSuffix("chat.completions"),
            let request = tree["request"] as? [String: Any], request["body_truncated"] == nil,
            let body = request["body_json"] as? [String: Any], let messages = body["messages"] as? [[String: Any]],
            let response = tree["response"] as? [String: Any], response["status"] as? Int == 200,
            let tokens = Self.promptTokens(response),
            Self.isPlain(messages)
        else { return nil }
        self.model = "\(provider)/\(body["model"] as? String ?? "")"
        self.tokens = tokens
        self.chat = ChatRequest(messages: messages.map(Self.message))
        self.chat.tools = (body["tools"] as? [[String: Any]] ?? []).map { definition in
            var tool = Tool(name: "")
            tool.specJSON = Self.bytes(definition["function"] ?? definition)
            return tool
        }
        if let format = body["response_format"] as? [String: Any], let schema = format["json_schema"] {
            self.chat.responseFormat = .schema(ResponseFormat.Schema(name: "", json: Self.bytes(schema)))
        }
    }

    private static func bytes(_ value: Any) -> [UInt8] {
        guard JSONSerialization.isValidJSONObject(value), let data = try? JSONSerialization.data(withJSONObject: value)
        else { return [] }
        return Array(data)
    }

    /// `"prompt_tokens": N`, wherever it stands last, in a body or a stream.
    private static func promptTokens(_ response: [String: Any]) -> UInt64? {
        let text =
            response["body_text"] as? String ?? String(decoding: Self.bytes(response["body_json"] ?? 0), as: UTF8.self)
        guard let found = text.ranges(of: "\"prompt_tokens\":").last else { return nil }
        let digits = text[found.upperBound...].drop { $0 == " " }.prefix { $0.isNumber }
        return UInt64(digits).flatMap { $0 == 0 ? nil : $0 }
    }

    private static func message(_ value: [String: Any]) -> Message {
        let role: Role =
            switch value["role"] as? String {
            case "system": .system
            case "assistant": .assistant
            case "tool": .tool
            default: .user
            }
        var parts: [Part] = []
        if let text = value["content"] as? String { parts.append(Part(.text(Text(text)))) }
        for piece in value["content"] as? [[String: Any]] ?? [] {
            if let text = piece["text"] as? String { parts.append(Part(.text(Text(text)))) }
        }
        for call in value["tool_calls"] as? [[String: Any]] ?? [] {
            guard let function = call["function"] as? [String: Any] else { continue }
            let arguments = Array((function["arguments"] as? String ?? "").utf8)
            parts.append(
                Part(.toolCall(ToolCall(id: "", name: function["name"] as? String ?? "", arguments: arguments)))
            )
        }
        return Message(role: role, parts: parts)
    }

    /// Whether it is text alone: what an image or a file costs is a matter of its pixels and pages.
    static func isPlain(_ messages: [[String: Any]]) -> Bool {
        !messages.contains { message in
            (message["content"] as? [[String: Any]] ?? []).contains { $0["type"] as? String != "text" }
        }
    }
}

@Suite(.enabled(if: !RecordedChat.all.isEmpty, "there is no recorded traffic: set FANOUT_PROVIDER_TRAFFIC"))
struct RecordedUsageTests {
    /// There are at most eight recorded chats of a model, so that they come several times in fifty reports: this says
    /// that the law can follow what real providers report (their tools, their own words), not that it foresees it.
    @Test func `after 50 reports of its recorded chats a model's estimates are within the bounds`() {
        let models = Dictionary(grouping: RecordedChat.all, by: \.model).filter { $0.value.count > 1 }
        var errors: [Double] = []
        var luck = Languages(seed: 1)
        for (model, rows) in models.sorted(by: { $0.key < $1.key }) {
            var estimator = TokenEstimator()
            for _ in 0..<50 {
                let row = rows[luck.number(below: rows.count)]
                let (shape, _) = estimator.estimate(.chat(row.chat), model: model)
                estimator.correct(shape, model: model, tokens: row.tokens)
            }
            for row in rows {
                let (_, tokens) = estimator.estimate(.chat(row.chat), model: model)
                errors.append(abs(Double(tokens) - Double(row.tokens)) / Double(row.tokens))
            }
        }
        errors.sort()
        #expect(errors.count >= 30)
        #expect(errors[errors.count / 2] <= 0.08)
        #expect(errors[errors.count * 95 / 100] <= 0.25, "\(errors)")
    }
}
