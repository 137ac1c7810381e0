// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// Answers that providers really gave.
@Suite struct RecordedTrafficTests {
    /// Failures whose class differs from the recording's tag, with the reason.
    static let exceptions: [String: (FailureCode, String)] = [
        "groq-chat-4368c6f75e": (.schemaMismatch, "the model's own call is at fault, not the request"),
        "groq-chat-05d56e95de": (.schemaMismatch, "the model's own call is at fault, not the request"),
        "groq-chat-a4d92378e4": (.schemaMismatch, "the model's own call is at fault, not the request"),
        "cohere-v2-chat-6ae3267b86": (.schemaMismatch, "the model's own call is at fault, not the request"),
        "cohere-v2-chat-aa5bb77f1a": (.schemaMismatch, "the model's own call is at fault, not the request"),
        "cohere-v2-chat-c33e1f8320": (.unsupportedParameter, "a bad request of a kind that has its own class"),
        "openai-chat-0ed923495c": (.unsupportedParameter, "a bad request of a kind that has its own class"),
        "gemini-generatecontent-23aad30f24": (.rateLimited, "a quota a minute, renewed in the 38 s that it names"),
        "azure-openai-chat-e5bba4ad98": (.timeout, "status 408 with the words upstream request timeout"),
    ]

    static let classes: [String: [FailureCode]] = [
        "rate-limit": [.rateLimited], "quota": [.quotaExhausted], "overloaded": [.overloaded],
        "context-window": [.contextWindow], "content-policy": [.contentPolicy], "auth": [.authentication],
        "permission": [.permission], "not-found": [.notFound], "bad-request": [.invalidRequest],
        "server-error": [.providerError], "content-filter": [.contentPolicy],
        // An error in a stream that has no other tag: any class of the provider's or the caller's.
        "mid-stream-error": [.providerError, .invalidRequest, .overloaded],
    ]

    func request(_ recording: Recording) -> Request {
        switch recording.endpoint {
        case "completions", "native.generate", "inference":
            Request(model: "g", task: .completion(CompletionRequest(prompts: ["p"])))
        case let name
        where name.hasSuffix("embeddings") || name.hasSuffix("embed") || name.contains("mbedContent")
            || name == "predict":
            Request(
                model: "g",
                task: .embedding(EmbeddingRequest(inputs: Array(repeating: "i", count: recording.inputs)))
            )
        default: .text { $0.choices = recording.choices }
        }
    }

    func decoded(_ recording: Recording, _ pieces: [[UInt8]]) -> Decoded {
        decode(
            pieces,
            request: self.request(recording),
            endpoint: .of(recording.provider),
            stream: recording.isEventStream,
            head: recording.head
        )
    }

    /// Answers of operations that Fanout hasn't, with the reason.
    static let otherOperations = [
        "huggingface-inference-ff5318532f": "the words that may stand in the place of a mask, which aren't a completion"
    ]

    @Test(arguments: Recording.all.filter { !$0.isFailure && otherOperations[$0.id] == nil })
    func `a recorded answer decodes to what it says, at any cut`(recording: Recording) throws {
        let whole = self.decoded(recording, [recording.body])
        let response = try whole.result.get()
        let expected = try NaiveAnswer(recording)
        #expect(NaiveAnswer(response) == expected)
        #expect(whole.hadContent || expected.isEmpty)
        if recording.isEventStream { #expect(NaiveAnswer(deltas: whole.deltas) == expected.streamedPart) }
        for seed in UInt64(0)..<4 {
            var generator = SeededGenerator(seed: seed)
            let cut = self.decoded(recording, pieces(of: recording.body, using: &generator))
            #expect(try cut.result.get() == response, "seed \(seed)")
            #expect(cut.deltas == whole.deltas, "seed \(seed)")
        }
    }

    @Test(arguments: Recording.all.filter(\.isFailure))
    func `a recorded failure has the class of its tag`(recording: Recording) throws {
        guard case .failure(let failure) = self.decoded(recording, [recording.body]).result else {
            Issue.record("decoded to a success")
            return
        }
        if let (code, _) = Self.exceptions[recording.id] {
            #expect(failure.code == code)
        } else {
            let allowed = recording.tags.compactMap { Self.classes[$0] }.flatMap { $0 }
            #expect(allowed.contains(failure.code), "\(failure.code.name): \(failure.message)")
        }
        #expect(!failure.providerMessage.isEmpty && failure.providerStatus == recording.status)
        #expect(recording.head.retryAfter.isEmpty || failure.retryAfterMilliseconds != nil)
        var generator = SeededGenerator(seed: 1)
        let cut = self.decoded(recording, pieces(of: recording.body, using: &generator))
        guard case .failure(let again) = cut.result else {
            Issue.record("decoded to a success")
            return
        }
        #expect(again == failure)
    }

    @Test(arguments: Recording.all.filter { $0.isEventStream && $0.body.count < 20_000 })
    func `a recorded stream that is cut short is never a success before its end`(recording: Recording) throws {
        var decoder = AnswerDecoder(
            for: self.request(recording),
            endpoint: .of(recording.provider),
            stream: true,
            bodyBytesMax: 1 << 20
        )
        decoder.head(recording.head, wallClockSeconds: 0)
        var deltas: [Delta] = []
        var choicesBefore: [Choice] = []
        var successes = 0
        for (offset, byte) in recording.body.enumerated() {
            var cut = decoder
            switch cut.end(deltas: &deltas) {
            case .failure(let failure):
                let isReported = recording.tags.contains("error") && failure.code != .streamBroken
                let isBroken = failure.code == .streamBroken || offset == 0
                #expect(successes == 0 && (isBroken || isReported), "at \(offset): \(failure)")
            case .success(let response):
                successes += 1
                #expect(!response.chatChoices.contains { $0.nativeFinishReason.isEmpty }, "at \(offset)")
                #expect(successes == 1 || response.chatChoices == choicesBefore, "at \(offset): content after the end")
                choicesBefore = response.chatChoices
            }
            do throws(Failure) {
                try withUnsafeBytes(of: byte) { (buffer) throws(Failure) in
                    try decoder.body(buffer, deltas: &deltas)
                }
            } catch {
                #expect(recording.tags.contains("error"), "at \(offset): \(error)")
                return
            }
            if decoder.isComplete { return }
        }
    }
}
