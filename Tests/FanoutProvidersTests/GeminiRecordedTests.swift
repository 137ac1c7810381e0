// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Foundation
import Testing

/// Requests that clients really sent to Google: read into the neutral form, and written again.
@Suite struct GeminiRecordedTests {
    static let recordings = Recording.all.filter {
        ["gemini", "vertex_ai"].contains($0.provider) && !$0.endpoint.hasPrefix("other:")
    }

    @Test(arguments: recordings)
    func `a recorded request means the same after it was read and written again`(recording: Recording) throws {
        let request = try GeminiRequestReader.read(recording.requestBody, endpoint: recording.endpoint)
        #expect(RequestCheck.fault(in: request) == nil)
        let model = recording.requestBody["requests"]?.elements?.first?["model"]?.text ?? "m"
        let written = try encoded(request, for: .of(recording.provider, model: model))
        let places = GeminiMeaning.differences(
            GeminiMeaning.of(recording.requestBody),
            GeminiMeaning.of(written)
        )
        #expect(places.isEmpty)
    }

    @Test(arguments: recordings)
    func `a recorded target is the one that Fanout asks, as events where it is a stream`(recording: Recording) throws {
        let url = try #require(URLComponents(string: recording.requestURL))
        let parts = url.path.components(separatedBy: "/models/")
        let (folder, method) = (try #require(parts.first), try #require(parts.last).components(separatedBy: ":"))
        try #require(parts.count == 2 && method.count == 2)
        let endpoint = Endpoint.of(recording.provider, model: method[0]) {
            $0.pathPrefix = folder.replacing("/publishers/google", with: "")
        }
        let request = try GeminiRequestReader.read(recording.requestBody, endpoint: recording.endpoint)
        let isStream = method[1] == "streamGenerateContent"
        let asked = try Translator.encode(request, for: endpoint, stream: isStream).path
        // A batch of one goes as that one.
        let isOne = recording.inputs == 1 && method[1] == "batchEmbedContents"
        let expected = isOne ? url.path.replacing(method[1], with: "embedContent") : url.path
        #expect(asked == expected + (isStream ? "?alt=sse" : ""))
    }

    @Test(arguments: recordings.filter { $0.isEventStream && $0.body.count >= 20_000 })
    func `a long recorded stream that is cut short is never a success before its end`(recording: Recording) throws {
        let end = try #require(recording.body.firstRange(of: Array(#""finishReason""#.utf8)))
        for count in stride(from: 1, to: end.lowerBound, by: 331) {
            let decoded = decode(
                [Array(recording.body.prefix(count))],
                endpoint: .of(recording.provider),
                stream: true,
                head: recording.head
            )
            guard case .failure(let failure) = decoded.result else {
                Issue.record("a success after \(count) bytes")
                continue
            }
            #expect(failure.code == .streamBroken)
        }
    }
}
