// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutWire

/// What doesn't fit one frame.
struct LargeResultTests {
    private static func result(textBytes: Int) -> ItemResult {
        var trail = Trail()
        trail.attempts = 2
        let text = String(repeating: "0123456789abcdé", count: textBytes / 16)
        let response = Response(body: .chat([Choice(message: Message(role: .assistant, text: text))]))
        return ItemResult(index: 7, id: "big", outcome: .success(response), trail: trail)
    }

    private static func frames(_ result: ItemResult) throws -> [ServerFrame] {
        var encoder = WireEncoder()
        var stream: [UInt8] = []
        try encoder.encode(ServerFrame(id: 3, body: .result(result)), into: &stream)
        let bodies = try Codec.frames(stream, splits: [], limit: WireEncoder.frameBytesFloor)
        return try bodies.map { try Codec.decodeServer($0) }
    }

    @Test func `a response up to 256 KiB goes out in one piece`() throws {
        let result = Self.result(textBytes: 250 << 10)
        #expect(try Self.frames(result) == [ServerFrame(id: 3, body: .result(result))])
    }

    @Test func `a larger response comes in parts and is put together again`() throws {
        let result = Self.result(textBytes: 1_000_000)
        let frames = try Self.frames(result)
        #expect(frames.count == 5)
        var bytes: [UInt8] = []
        for frame in frames.dropLast() {
            guard case .resultPart(7, let data) = frame.body else {
                Issue.record("not a part")
                return
            }
            #expect(data.count <= 256 << 10)
            bytes += data
        }
        guard case .resultOfParts(7, "big", UInt64(bytes.count), result.trail) = frames.last?.body else {
            Issue.record("not the end of parts")
            return
        }
        var decoder = WireDecoder()
        let response = try Codec.withBytes(bytes) { bytes throws(WireError) in try decoder.decodeResponse(bytes) }
        #expect(try result.outcome.get() == response)
    }

    @Test func `the largest texts and lists of the daemon fit the smallest frame`() throws {
        let long = String(repeating: "é", count: 100_000)
        var failure = Failure(.providerError, long, param: long)
        failure.providerCode = long
        failure.providerType = long
        failure.providerMessage = long
        failure.providerRequestID = long
        let cause = Failure.Cause(code: .timeout, message: long, group: long, deployment: long)
        failure.causes = [Failure.Cause](repeating: cause, count: 500)
        var attempt = Trail.Attempt()
        attempt.group = long
        attempt.deployment = long
        attempt.message = long
        var trail = Trail()
        trail.details = [Trail.Attempt](repeating: attempt, count: 500)
        var lane = LaneStatus()
        lane.deployment = long
        lane.lastMessage = long
        var status = DaemonStatus()
        status.lanes = [LaneStatus](repeating: lane, count: 10_000)
        var peer = PeerStatus()
        peer.client = long
        status.peers = [PeerStatus](repeating: peer, count: 10_000)
        var welcome = ServerFrame.Welcome()
        welcome.models = (0..<100_000).map { "model-\($0)" }
        let candidate = ServerFrame.Explanation.Candidate(deployment: long, taken: false, reason: long)
        let bodies: [ServerFrame.Body] = [
            .result(ItemResult(index: 1, id: long, outcome: .failure(failure), trail: trail)),
            .resultOfParts(index: 1, id: long, responseBytes: 1, trail: trail),
            .rejected(ServerFrame.Rejection(code: .internal, message: long)),
            .status(status), .welcome(welcome),
            .explanation(.init(found: true, trail: trail, candidates: .init(repeating: candidate, count: 5_000))),
            .goAway(lastAcceptedID: 1, deadlineMilliseconds: 1, message: long),
            .error(code: .badFrame, message: long, limit: 0),
        ]
        for body in bodies {
            var encoder = WireEncoder(frameBytesMax: WireEncoder.frameBytesFloor)
            var bytes: [UInt8] = []
            try encoder.encode(ServerFrame(id: 1, body: body), into: &bytes)
            #expect(bytes.count <= WireEncoder.frameBytesFloor)
            // Cut texts are still whole characters.
            _ = try Codec.decodeServer(Codec.body(bytes))
        }
    }

    @Test func `a frame over the limit is refused and leaves nothing behind`() throws {
        var encoder = WireEncoder(frameBytesMax: 1_000)
        var bytes: [UInt8] = [1, 2, 3]
        let ping = ClientFrame(id: 1, body: .ping([UInt8](repeating: 0, count: 1_000)))
        #expect(throws: WireError.self) { try encoder.encode(ping, into: &bytes) }
        #expect(bytes == [1, 2, 3])
        #expect(throws: WireError.self) { try encoder.encode(ClientFrame(id: 1, body: .unknown), into: &bytes) }
        #expect(throws: WireError.self) { try encoder.encode(ServerFrame(id: 1, body: .unknown), into: &bytes) }
        try encoder.encode(ClientFrame(id: 1, body: .ping([])), into: &bytes)
        #expect(bytes == [1, 2, 3, 0, 0, 0, 4, 8, 1, 82, 0])
    }

    @Test func `an item's size is what it adds to a frame`() throws {
        var encoder = WireEncoder()
        var generator = Generator(seed: 4)
        let items = (0..<20).map { _ in generator.item() }
        let sizes = items.map { encoder.byteCount(of: $0) }
        var bytes: [UInt8] = []
        let append = ClientFrame.Append(items: items.map { .item($0) }, isLast: false)
        try encoder.encode(ClientFrame(id: 0, body: .append(append)), into: &bytes)
        let sum = sizes.reduce(0, +)
        #expect(sum <= bytes.count && bytes.count <= sum + 12)
    }

    @Test func `a long delta is split between characters`() {
        let text = String(repeating: "aé漢😀", count: 1_000)
        let pieces = Delta(choice: 2, .text(text)).split(bytesMax: 17)
        var joined = ""
        for piece in pieces {
            guard case .text(let part) = piece.kind else { continue }
            #expect(part.utf8.count <= 17)
            #expect(piece.choice == 2)
            joined += part
        }
        #expect(joined == text)
        let call = ToolCallDelta(call: 1, id: "i", name: "n", arguments: [UInt8](0..<100))
        let fragments = Delta(.toolCall(call)).split(bytesMax: 30)
        #expect(fragments.count == 4)
        #expect(fragments.first == Delta(.toolCall(.init(call: 1, id: "i", name: "n", arguments: [UInt8](0..<30)))))
        #expect(fragments.last == Delta(.toolCall(.init(call: 1, arguments: [UInt8](90..<100)))))
        #expect(Delta(.text("short")).split() == [Delta(.text("short"))])
    }
}
