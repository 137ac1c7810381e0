// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// Each wire format: a request out, an answer in, whole and as a stream.
func runTranslatorBenchmarks(_ stopwatch: Stopwatch) throws {
    for sample in FormatSample.all {
        try stopwatch.measure("\(sample.name) encode", per: "request of 900 bytes of text") {
            try Translator.encode(sample.request, for: sample.endpoint, stream: false).body.count
        }
        let bytes = sample.completion.count
        try stopwatch.measure("\(sample.name) decode", per: "answer of \(bytes) bytes") {
            Int(try decode([sample.completion], of: sample, stream: false).usage?.totalTokens ?? 0)
        }
        // The stream's beginning and end and the answer that it comes to are shared out among the deltas.
        try stopwatch.measure("\(sample.name) delta", per: "delta of a stream", units: FormatSample.deltaCount) {
            Int(try decode(sample.stream, of: sample, stream: true).usage?.totalTokens ?? 0)
        }
    }
}

/// A function of its own, never inlined: Swift 6.3.1 crashes when it inlines the typed throw into the measured closure.
@inline(never)
private func decode(_ pieces: [[UInt8]], of sample: FormatSample, stream: Bool) throws(Failure) -> Response {
    var decoder = AnswerDecoder(
        for: sample.request,
        endpoint: sample.endpoint,
        stream: stream,
        bodyBytesMax: 1 << 20
    )
    var deltas: [Delta] = []
    decoder.head(AnswerHead(status: 200), wallClockSeconds: 1_790_000_000)
    var count = 0
    for piece in pieces {
        try piece.withUnsafeBufferPointer { (bytes) throws(Failure) -> Void in
            try decoder.body(UnsafeRawBufferPointer(bytes), deltas: &deltas)
        }
        count += deltas.count
        deltas.removeAll(keepingCapacity: true)
    }
    let response = try decoder.end(deltas: &deltas).get()
    precondition(!stream || count == FormatSample.deltaCount, "\(count) deltas came of \(sample.name)")
    return response
}
