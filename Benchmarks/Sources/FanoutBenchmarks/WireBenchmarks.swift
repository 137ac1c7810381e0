// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire

/// Frames in and results out.
func runWireBenchmarks(_ stopwatch: Stopwatch) throws {
    let items = 64
    var encoder = WireEncoder()
    var frame: [UInt8] = []
    let submit = ClientFrame.Submit(
        options: BatchOptions(),
        defaults: nil,
        items: Array(repeating: .item(Item(request: Samples.request)), count: items),
        isOpen: false
    )
    try encoder.encode(ClientFrame(id: 1, body: .submit(submit)), into: &frame)

    var decoder = WireDecoder()
    try stopwatch.measure("wire decode Submit of 64", per: "item of 900 bytes", units: items) {
        // A frame a connection, so that the decoder of frames is counted with its setting up.
        var frames = FrameDecoder(frameBytesMax: 1 << 20)
        return try frame.withUnsafeBytes { bytes in
            var chunk = bytes
            var count = 0
            while let body = try frames.next(&chunk) {
                if case .submit(let submit) = try decoder.decodeClient(body).body { count += submit.items.count }
            }
            precondition(count == items, "\(count) items came of \(items)")
            return count
        }
    }
    try stopwatch.measure("wire decode Submit of 64 in chunks of 4 KiB", per: "item of 900 bytes", units: items) {
        var frames = FrameDecoder(frameBytesMax: 1 << 20)
        return try frame.withUnsafeBytes { bytes in
            var count = 0
            for start in stride(from: 0, to: bytes.count, by: 4_096) {
                var chunk = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 4_096, bytes.count)])
                while let body = try frames.next(&chunk) {
                    if case .submit(let submit) = try decoder.decodeClient(body).body { count += submit.items.count }
                }
            }
            precondition(count == items, "\(count) items came of \(items)")
            return count
        }
    }

    var trail = Trail()
    trail.attempts = 1
    trail.deployment = "plain-1"
    trail.group = "plain"
    trail.provider = "openai"
    trail.totalMicroseconds = 1_234
    var choice = Choice(message: Message(role: .assistant, text: Samples.text))
    choice.finishReason = .stop
    choice.nativeFinishReason = "stop"
    var response = Response(body: .chat([choice]))
    response.id = "chatcmpl-bench0001"
    response.model = "bench"
    response.usage = Usage()
    let result = ItemResult(index: 7, id: "", outcome: .success(response), trail: trail)
    var output: [UInt8] = []
    try stopwatch.measure("wire encode Result", per: "completion of 900 bytes") {
        output.removeAll(keepingCapacity: true)
        try encoder.encode(ServerFrame(id: 1, body: .result(result)), into: &output)
        return output.count
    }
}
