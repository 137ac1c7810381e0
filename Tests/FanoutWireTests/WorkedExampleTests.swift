// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Foundation
import Testing

@testable import FanoutWire

/// The bytes in docs/wire.md are those of the codec.
struct WorkedExampleTests {
    private static func blocks() throws -> [[UInt8]] {
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/wire.md"), encoding: .utf8)
        return page.components(separatedBy: "```hex\n").dropFirst().map { block in
            let text = block.components(separatedBy: "```")[0]
            return text.split { $0 == " " || $0 == "\n" }.compactMap { UInt8($0, radix: 16) }
        }
    }

    private static func welcome() -> ServerFrame.Welcome {
        var welcome = ServerFrame.Welcome()
        welcome.server = "0.1.0"
        welcome.instanceID = 1
        welcome.sessionID = 1
        welcome.limits.frameBytesMax = 1 << 20
        welcome.uploadWindowBytes = 8 << 20
        welcome.batchWindowBytes = 4 << 20
        welcome.uid = 1_000
        welcome.gid = 1_000
        welcome.tenant = "uid:1000"
        welcome.models = ["fast"]
        return welcome
    }

    @Test func `the client's frames of the page are what it says`() throws {
        let chat = ChatRequest(messages: [Message(role: .user, text: "Say hi.")])
        var item = Item(request: Request(model: "fast", task: .chat(chat)))
        item.id = "q1"
        let submit = ClientFrame.Submit(options: BatchOptions(), defaults: nil, items: [.item(item)], isOpen: false)
        let hello = ClientFrame.Hello(major: 1, minor: 0, client: "demo/1.0")
        let blocks = try Self.blocks()
        try #require(blocks.count == 7)
        #expect(try Codec.encode(ClientFrame(id: 0, body: .hello(hello))) == blocks[0])
        #expect(try Codec.encode(ClientFrame(id: 1, body: .submit(submit))) == blocks[1])
    }

    @Test func `the daemon's frames of the page are what it says`() throws {
        var choice = Choice(message: Message(role: .assistant, text: "hi"))
        choice.finishReason = .stop
        var usage = Usage()
        usage.promptTokens = 3
        usage.completionTokens = 1
        usage.totalTokens = 4
        var response = Response(body: .chat([choice]))
        response.model = "fast-1"
        response.usage = usage
        var summary = BatchSummary()
        summary.items = 1
        summary.succeeded = 1
        summary.durationMicroseconds = 412_000
        summary.usage = usage
        summary.attempts = 1
        let result = ItemResult(index: 0, id: "q1", outcome: .success(response), trail: nil)
        let blocks = try Self.blocks()
        try #require(blocks.count == 7)
        #expect(try Codec.encode(ServerFrame(id: 0, body: .welcome(Self.welcome()))) == blocks[2])
        #expect(try Codec.encode(ServerFrame(id: 1, body: .accepted(predictedFinishMilliseconds: 0))) == blocks[3])
        #expect(try Codec.encode(ServerFrame(id: 1, body: .result(result))) == blocks[4])
        #expect(try Codec.encode(ServerFrame(id: 1, body: .window(bytes: 33))) == blocks[5])
        #expect(try Codec.encode(ServerFrame(id: 1, body: .summary(summary))) == blocks[6])
    }
}
