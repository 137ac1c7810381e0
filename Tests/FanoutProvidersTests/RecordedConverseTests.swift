// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// Requests that were really sent to Bedrock's Converse.
@Suite struct RecordedConverseTests {
    static let converse = Recording.all.filter { $0.provider == "bedrock" && $0.endpoint.hasPrefix("converse") }

    /// The model's id of a recorded address, `…/model/ID/converse`, without escapes.
    static func model(of url: String) -> String {
        let parts = url.split(separator: "/")
        return parts[parts.count - 2].split(separator: "%3A", omittingEmptySubsequences: false).joined(separator: ":")
    }

    @Test(arguments: Self.converse)
    func `a recorded request is sent as it was`(recording: Recording) throws {
        var reader = ConverseReader(recording.requestBody)
        let request = try reader.request()
        #expect(RequestCheck.fault(in: request) == nil)
        let model = Self.model(of: recording.requestURL)
        let endpoint = Endpoint.of("bedrock", model: model) { $0.pathPrefix = "" }
        let sent = try Translator.encode(request, for: endpoint, stream: recording.endpoint == "converse-stream")
        #expect(try JSONValue(parsing: sent.body).converseMeaning == recording.requestBody.converseMeaning)
        #expect(!sent.path.contains(":") && sent.path.hasSuffix("/\(recording.endpoint)"))
        #expect(Self.model(of: sent.path) == model)
    }

    @Test(.enabled(if: !Recording.all.isEmpty))
    func `there are recordings of both operations`() {
        #expect(Self.converse.count == 25)
        #expect(Self.converse.contains { $0.isEventStream } && Self.converse.contains { !$0.isEventStream })
    }
}
