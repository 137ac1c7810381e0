// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutTestKit
import FanoutUpstream
import FanoutWire
import NIOCore
import Testing

/// Items that name blobs, over a real socket.
@Suite(.serialized, .timeLimit(.minutes(2))) struct BlobTests {
    private static func blob(_ id: UInt64, _ data: [UInt8], uses: UInt32 = 0) -> ClientFrame {
        let chunk = ClientFrame.Blob(offset: 0, total: UInt64(data.count), data: data, sha256: [], uses: uses)
        return ClientFrame(id: id, body: .blob(chunk))
    }

    private static func item(_ part: Part) -> WireItem {
        var messages = [Message(role: .user, text: "see")]
        if case .toolResult(let result) = part.kind {
            let call = ToolCall(id: result.callID, name: "look", arguments: Array("{}".utf8))
            messages.append(Message(role: .assistant, parts: [Part(.toolCall(call))]))
            messages.append(Message(role: .tool, parts: [part]))
        } else {
            messages[0].parts.append(part)
        }
        return .item(Item(request: Request(model: "a", task: .chat(ChatRequest(messages: messages)))))
    }

    private static func image(_ blob: UInt64) -> WireItem {
        self.item(Part(.image(Media(mimeType: "image/png", source: .blob(blob)))))
    }

    private static func submit(_ id: UInt64, _ items: [WireItem]) -> ClientFrame {
        let submit = ClientFrame.Submit(options: BatchOptions(), defaults: nil, items: items, isOpen: false)
        return ClientFrame(id: id, body: .submit(submit))
    }

    private static func code(_ frames: [ServerFrame]) -> FailureCode? {
        for case .result(let result) in frames.map(\.body) {
            if case .failure(let failure) = result.outcome { return failure.code }
        }
        return nil
    }

    @Test func `bytes of blobs stand in parts and in pieces of tool results before an attempt sees them`() async throws
    {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await kit.upstream { $0.onStart = { $0.succeed() } }
            let piece = ToolResult.Piece(.image(Media(mimeType: "image/png", source: .blob(2))))
            let result = Part(.toolResult(ToolResult(callID: "c", pieces: [piece])))
            try await peer.send(
                Self.blob(1, [1, 2]),
                Self.blob(2, [3]),
                Self.submit(1, [Self.image(1), Self.item(result)])
            )
            _ = try await peer.framesThroughSummary(of: 1)
            let sources = try await kit.upstream { runner in
                runner.attempts.compactMap { attempt -> Media.Source? in
                    guard case .chat(let chat) = attempt.order.request.task, let part = chat.messages.last?.parts.last
                    else { return nil }
                    switch part.kind {
                    case .image(let media): return media.source
                    case .toolResult(let result):
                        if case .image(let media) = result.pieces[0].kind { return media.source }
                        return nil
                    default: return nil
                    }
                }
            }
            #expect(sources == [.data([1, 2]), .data([3])])
            try await peer.close()
        }
    }

    @Test func `a blob is freed with its last use, and others with the batch that named them`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await kit.upstream { $0.onStart = { $0.succeed() } }
            try await peer.send(Self.blob(1, [1], uses: 2), Self.blob(2, [2]), Self.submit(1, [Self.image(1)]))
            #expect(Self.code(try await peer.framesThroughSummary(of: 1)) == nil)
            // One use is left, and no item has named the second blob.
            try await peer.send(Self.submit(2, [Self.image(1), Self.image(2)]))
            #expect(Self.code(try await peer.framesThroughSummary(of: 2)) == nil)
            try await peer.send(Self.submit(3, [Self.image(1)]))
            #expect(Self.code(try await peer.framesThroughSummary(of: 3)) == .invalidRequest)
            try await peer.send(Self.submit(4, [Self.image(2)]))
            #expect(Self.code(try await peer.framesThroughSummary(of: 4)) == .invalidRequest)
            try await peer.close()
        }
    }
}
