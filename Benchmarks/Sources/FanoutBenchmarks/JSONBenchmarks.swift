// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel
internal import FanoutProviders

/// JSON by itself, and as the OpenAI-compatible format uses it.
func runJSONBenchmarks(_ stopwatch: Stopwatch) throws {
    let completion = Samples.completion
    try stopwatch.measure("JSON skip", per: "completion of \(completion.count) bytes") {
        try withJSONReader(completion) { reader in
            try reader.skip()
            try reader.end()
            return 1
        }
    }
    try stopwatch.measure("JSON write", per: "text of 900 bytes") {
        var writer = JSONWriter(capacity: 1_024)
        writer.beginObject()
        writer.key("content")
        writer.string(Samples.text)
        writer.endObject()
        return writer.finish().count
    }
    try stopwatch.measure("OpenAI encode", per: "chat of 900 bytes") {
        try Translator.encode(Samples.request, for: Samples.endpoint, stream: false).body.count
    }
    try stopwatch.measure("OpenAI decode", per: "completion of \(completion.count) bytes") {
        Int(try decodeCompletion(completion).usage?.totalTokens ?? 0)
    }
}

/// A function of its own, never inlined: Swift 6.3.1 crashes when it inlines the typed throw into the measured closure.
@inline(never)
private func decodeCompletion(_ completion: [UInt8]) throws(Failure) -> Response {
    var decoder = AnswerDecoder(for: Samples.request, endpoint: Samples.endpoint, stream: false, bodyBytesMax: 1 << 20)
    var deltas: [Delta] = []
    decoder.head(AnswerHead(status: 200), wallClockSeconds: 1_790_000_000)
    try completion.withUnsafeBufferPointer { (bytes) throws(Failure) -> Void in
        try decoder.body(UnsafeRawBufferPointer(bytes), deltas: &deltas)
    }
    return try decoder.end(deltas: &deltas).get()
}
