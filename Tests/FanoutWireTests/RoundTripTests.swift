// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutWire

struct RoundTripTests {
    @Test func `a client's frame comes out as it went in, whatever its fields`() throws {
        for seed in 0..<3_000 {
            var generator = Generator(seed: UInt64(seed))
            let frame = generator.clientFrame()
            let bytes = try Codec.encode(frame)
            #expect(bytes.count == 4 + Int(UInt32(bytes[1]) << 16 | UInt32(bytes[2]) << 8 | UInt32(bytes[3])))
            let decoded = try Codec.decodeClient(Codec.body(bytes))
            try #require(decoded == frame, "seed \(seed)")
        }
    }

    @Test func `a daemon's frame comes out as it went in, whatever its fields`() throws {
        for seed in 0..<3_000 {
            var generator = Generator(seed: UInt64(seed))
            let frame = generator.serverFrame()
            let decoded = try Codec.decodeServer(Codec.body(try Codec.encode(frame)))
            try #require(decoded == frame, "seed \(seed)")
        }
    }

    @Test func `absent and zero differ where the model says so`() throws {
        var chat = ChatRequest(messages: [Message(role: .user, text: "hi")])
        chat.sampling.temperature = 0
        chat.sampling.seed = 0
        chat.sampling.maxTokens = 0
        chat.parallelToolCalls = false
        chat.choices = 0
        var item = Item(request: Request(model: "m", task: .chat(chat)))
        item.priority = 0
        let append = ClientFrame.Append(items: [.item(item)], isLast: false)
        let frame = ClientFrame(id: 1, body: .append(append))
        #expect(try Codec.decodeClient(Codec.body(try Codec.encode(frame))) == frame)
    }
}
