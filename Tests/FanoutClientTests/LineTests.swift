// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import FanoutModel
internal import Testing

@testable internal import fanout

@Suite struct LineSplitterTests {
    private static func text(_ number: Int, _ text: String) -> LineSplitter.Line {
        .text(number: number, Array(text.utf8))
    }

    @Test func `lines are the same however the bytes are cut`() {
        let bytes = Array("\u{FEFF}one\r\n\n  \nfour ü\nfive".utf8)
        let whole = [Self.text(1, "one"), Self.text(4, "four ü"), Self.text(5, "five")]
        for size in 1...bytes.count {
            var splitter = LineSplitter()
            var lines: [LineSplitter.Line] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                lines += splitter.feed(bytes[start..<min(start + size, bytes.count)])
            }
            lines += splitter.finish()
            #expect(lines == whole)
        }
    }

    @Test func `a line over the limit is reported once, and the next is read`() {
        for size in 1...12 {
            let bytes = Array("0123456789\nshort\n0123456789".utf8)
            var splitter = LineSplitter(bytesMax: 5)
            var lines: [LineSplitter.Line] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                lines += splitter.feed(bytes[start..<min(start + size, bytes.count)])
            }
            lines += splitter.finish()
            #expect(lines == [.tooLong(number: 1), Self.text(2, "short"), .tooLong(number: 3)])
        }
    }

    @Test func `an empty input has no lines`() {
        var splitter = LineSplitter()
        #expect(splitter.feed([]).isEmpty)
        #expect(splitter.finish().isEmpty)
    }
}

@Suite struct ResultLineTests {
    private func line(_ result: ItemResult) -> String {
        var bytes: [UInt8] = Array("before\n".utf8)
        ResultLine.append(result, to: &bytes)
        return String(decoding: bytes.dropFirst(7), as: UTF8.self)
    }

    private var trail: Trail {
        var trail = Trail()
        trail.attempts = 2
        trail.deployment = "openai/x@h"
        return trail
    }

    @Test func `an answer has its text, reason, trail and usage`() {
        var choice = Choice(message: Message(role: .assistant, text: "a \"b\"\n"))
        choice.finishReason = .stop
        var response = Response(body: .chat([choice]))
        response.model = "x-1"
        response.usage = Usage()
        response.usage?.promptTokens = 3
        response.usage?.totalTokens = 3
        response.usage?.cachedPromptTokens = 1
        let result = ItemResult(index: 4, id: "q", outcome: .success(response), trail: self.trail)
        #expect(
            self.line(result) == #"{"index":4,"id":"q","model":"x-1","text":"a \"b\"\n","finish_reason":"stop","#
                + #""attempts":2,"deployment":"openai/x@h","#
                + #""usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3,"cached_prompt_tokens":1}}"#
                + "\n"
        )
    }

    @Test func `tool calls are in OpenAI's form`() {
        let call = ToolCall(id: "c", name: "f", arguments: Array("{}".utf8))
        let choice = Choice(message: Message(role: .assistant, parts: [Part(.toolCall(call))]))
        let result = ItemResult(index: 0, id: "", outcome: .success(Response(body: .chat([choice]))), trail: nil)
        #expect(
            self.line(result) == #"{"index":0,"text":"","tool_calls":[{"id":"c","type":"function","#
                + #""function":{"name":"f","arguments":"{}"}}]}"# + "\n"
        )
    }

    @Test func `one vector is an embedding, several are embeddings`() {
        // 1.0 and -0.5 as little-endian float32.
        let vector: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0xBF]
        let one = ItemResult(index: 0, id: "", outcome: .success(Response(body: .embedding([vector]))), trail: nil)
        #expect(self.line(one) == #"{"index":0,"embedding":[1.0,-0.5]}"# + "\n")
        let two = ItemResult(index: 0, id: "", outcome: .success(Response(body: .embedding([vector, []]))), trail: nil)
        #expect(self.line(two) == #"{"index":0,"embeddings":[[1.0,-0.5],[]]}"# + "\n")
    }

    @Test func `a failure has its code and sentence`() {
        var failure = Failure(.rateLimited, "wait")
        failure.retryAfterMilliseconds = 5
        failure.providerStatus = 429
        let result = ItemResult(index: 1, id: "", outcome: .failure(failure), trail: self.trail)
        #expect(
            self.line(result) == #"{"index":1,"attempts":2,"deployment":"openai/x@h","code":"RATE_LIMITED","#
                + #""error":"wait","provider_status":429,"retry_after_ms":5}"# + "\n"
        )
    }
}

@Suite struct ReportTests {
    private var summary: BatchSummary {
        var summary = BatchSummary()
        summary.items = 3
        summary.succeeded = 1
        summary.failed = 2
        summary.cancelled = 1
        summary.failures = [.timeout: 1, .cancelled: 1]
        summary.durationMicroseconds = 3_210_000
        summary.attempts = 4
        summary.costNanoUSD = 1_500_000
        return summary
    }

    @Test func `the summary is an object with every count`() {
        #expect(
            String(decoding: SummaryText.json(self.summary), as: UTF8.self)
                == #"{"items":3,"succeeded":1,"failed":2,"cancelled":1,"duration_ms":3210,"attempts":4,"cache_hits":0,"#
                + #""failures":{"TIMEOUT":1,"CANCELLED":1},"#
                + #""usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0},"cost_usd":0.0015}"#
        )
    }

    @Test func `the summary is a line for a person`() {
        #expect(
            SummaryText.line(self.summary)
                == "3 items in 3.2 s: 1 succeeded, 2 failed (TIMEOUT 1, CANCELLED 1); 4 attempts; 0 + 0 tokens; $0.001500"
        )
    }

    @Test(arguments: [(42, "0.042 s"), (59_999, "59.9 s"), (725_000, "12 m 05 s"), (94_020_000, "26 h 07 m")])
    func `spans are short`(milliseconds: UInt64, text: String) {
        #expect(SummaryText.seconds(milliseconds: milliseconds) == text)
    }

    @Test func `a bar needs a known end`() {
        var progress = BatchProgress()
        progress.items = 100
        progress.succeeded = 48
        progress.failed = 2
        progress.running = 8
        progress.rateMilli = 12_345
        #expect(ProgressLine.text(progress) == "50 of 100 so far, 2 failed, 8 running, 12/s")
        progress.closed = true
        progress.etaMilliseconds = 4_000
        #expect(
            ProgressLine.text(progress) == "[############............] 50/100, 2 failed, 8 running, 12/s, 4.0 s left"
        )
        progress.items = .max
        progress.succeeded = .max
        progress.failed = .max
        _ = ProgressLine.text(progress)
    }

    @Test func `a table's columns stand under each other`() {
        let lines = Table.lines([["NAME", "N"], ["a", "10"], ["long", "7"]])
        #expect(lines == ["NAME  N", "a     10", "long   7"])
    }

    @Test func `a restart is seen, and the answer ends its line`() {
        var printer = DeltaPrinter()
        #expect(printer.text(for: Delta(.text("half"))).text == "half")
        let notice = printer.text(for: Delta(.restart(.streamBroken, "cut"))).notice
        #expect(notice == "\nfanout: the answer broke off (STREAM_BROKEN: cut) and begins anew:\n")
        #expect(printer.text(for: Delta(.text("whole"))).text == "whole")
        #expect(printer.text(for: Delta(choice: 1, .text("other"))).text == "")
        #expect(printer.end() == "\n")
        #expect(printer.end() == "")
    }

    @Test func `advice comes with an item's failure only`() {
        var failure = Failure(.contextWindow, "too long")
        failure.providerMessage = "max 4096"
        #expect(
            Advice.lines(FanoutError(failure)) == [
                "CONTEXT_WINDOW: too long", "the provider said: max 4096",
                "shorten the prompt, or use a model with a larger context window",
            ]
        )
        #expect(Advice.lines(FanoutError(.unreachable, "no socket")) == ["UNREACHABLE: no socket"])
    }

    @Test(
        arguments: [(nil, 0), (1.5, 1_500), (0.0001, 1), (0, nil), (-1, nil), (.infinity, nil)] as [(Double?, UInt64?)]
    )
    func `seconds are times or nothing`(seconds: Double?, milliseconds: UInt64?) {
        #expect(Seconds.milliseconds(seconds) == milliseconds)
    }
}
