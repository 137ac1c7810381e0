// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutWire

/// Faults that concern one item or one body and leave the connection alive.
struct ItemFaultTests {
    /// A valid item; what a test spoils goes through the encoder, which checks nothing.
    private static func item(_ change: (inout Item) -> Void) -> Item {
        var item = Item(
            request: Request(model: "m", task: .chat(ChatRequest(messages: [Message(role: .user, text: "hi")])))
        )
        item.id = "one"
        change(&item)
        return item
    }

    private static func chat(_ change: @escaping (inout ChatRequest) -> Void) -> Item {
        Self.item { item in
            guard case .chat(var chat) = item.request.task else { return }
            change(&chat)
            item.request.task = .chat(chat)
        }
    }

    private static func received(_ item: Item) throws -> WireItem? {
        let good = Self.item { _ in }
        let append = ClientFrame.Append(items: [.item(good), .item(item)], isLast: true)
        let body = Codec.body(try Codec.encode(ClientFrame(id: 4, body: .append(append))))
        guard case .append(let decoded) = try Codec.decodeClient(body).body else { return nil }
        #expect(decoded.items.first == .item(good))
        return decoded.items.last
    }

    struct Spoiled: Sendable, CustomTestStringConvertible {
        var item: Item
        var path: String
        var testDescription: String { self.path }

        init(_ path: String, _ item: Item) {
            self.path = "items[1]." + path
            self.item = item
        }
    }

    private static let long = String(repeating: "x", count: 257)

    private static let spoiled: [Spoiled] = [
        Spoiled("id", Self.item { $0.id = "a\u{0}b" }),
        Spoiled("id", Self.item { $0.id = Self.long }),
        Spoiled("request.model", Self.item { $0.request.model = "a\u{0}" }),
        Spoiled("request.model", Self.item { $0.request.model = Self.long }),
        Spoiled("tags[1]", Self.item { $0.tags = ["a", "\u{0}"] }),
        Spoiled("tags", Self.item { $0.tags = [String](repeating: "t", count: 65) }),
        Spoiled("fallbacks", Self.item { $0.fallbacks = [String](repeating: "t", count: 17) }),
        Spoiled(
            "fallback_requests",
            Self.item { item in
                let other = Item.FallbackRequest(fallback: 0, request: item.request)
                item.fallbackRequests = [Item.FallbackRequest](repeating: other, count: 17)
            }
        ),
        Spoiled(
            "fallback_requests[0].request.model",
            Self.item { item in
                item.fallbackRequests = [
                    Item.FallbackRequest(fallback: 0, request: Request(model: Self.long, task: nil))
                ]
            }
        ),
        Spoiled("race.groups", Self.item { $0.race = [String](repeating: "t", count: 17) }),
        Spoiled(
            "metadata",
            Self.item { item in item.metadata = (0..<65).map { Item.Metadata(key: "\($0)", value: "") } }
        ),
        Spoiled(
            "metadata",
            Self.item { $0.metadata = [Item.Metadata(key: "k", value: String(repeating: "v", count: 16 << 10))] }
        ),
        Spoiled("metadata[0].key", Self.item { $0.metadata = [Item.Metadata(key: Self.long, value: "")] }),
        Spoiled("traceparent", Self.item { $0.traceparent = Self.long }),
        Spoiled("region", Self.item { $0.region = Self.long }),
        Spoiled("region", Self.item { $0.region = "\u{0}" }),
        Spoiled("cache.namespace", Self.item { $0.cache.namespace = "\u{0}" }),
        Spoiled("request.chat.sampling.temperature", Self.chat { $0.sampling.temperature = .nan }),
        Spoiled("request.chat.sampling.temperature", Self.chat { $0.sampling.temperature = -0.1 }),
        Spoiled("request.chat.sampling.top_p", Self.chat { $0.sampling.topP = 0 }),
        Spoiled("request.chat.sampling.presence_penalty", Self.chat { $0.sampling.presencePenalty = .infinity }),
        Spoiled("request.chat.sampling.stop[1]", Self.chat { $0.sampling.stop = ["a", ""] }),
        Spoiled("request.chat.sampling.stop", Self.chat { $0.sampling.stop = [String](repeating: "s", count: 17) }),
        Spoiled("request.chat.tools[0].name", Self.chat { $0.tools = [Tool(name: Self.long)] }),
        Spoiled("request.chat.tool_choice.names", Self.chat { $0.toolChoice = .named([]) }),
        Spoiled(
            "request.chat.messages",
            Self.chat { $0.messages = [Message](repeating: Message(role: .user, text: "x"), count: 4_097) }
        ),
    ]

    @Test(arguments: Self.spoiled)
    func `what is wrong with one item refuses that item and names the field`(spoiled: Spoiled) throws {
        guard case .refused(let id, let failure) = try Self.received(spoiled.item) else {
            Issue.record("not refused")
            return
        }
        #expect(failure.code == .invalidRequest)
        #expect(failure.param == spoiled.path)
        #expect(failure.message.hasPrefix(spoiled.path))
        #expect(failure.notStarted)
        #expect(id == String(spoiled.item.id.prefix(256)))
    }

    @Test func `a NUL in a prompt is passed through`() throws {
        let item = Self.chat { $0.messages = [Message(role: .user, text: "a\u{0}b")] }
        #expect(try Self.received(item) == .item(item))
    }

    @Test func `the last of two equal keys wins`() throws {
        let item = Self.item { item in
            item.metadata = [("a", "1"), ("b", "2"), ("a", "3")].map { Item.Metadata(key: $0.0, value: $0.1) }
        }
        guard case .item(let decoded) = try Self.received(item) else {
            Issue.record("refused")
            return
        }
        #expect(decoded.metadata == [Item.Metadata(key: "a", value: "3"), Item.Metadata(key: "b", value: "2")])
    }

    /// The item's frame with one text of it replaced by bytes of the same length.
    private static func replaced(_ text: String, by bytes: [UInt8], in frame: ClientFrame) throws -> [UInt8] {
        var body = Codec.body(try Codec.encode(frame))
        let wanted = Array(text.utf8)
        guard let place = (0..<body.count).first(where: { body[$0...].starts(with: wanted) }) else { return [] }
        body.replaceSubrange(place..<(place + wanted.count), with: bytes)
        return body
    }

    @Test(
        arguments: [
            [0xFF, 0x41, 0x41], [0xC0, 0x80, 0x41], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80], [0x41, 0x41, 0xE2],
        ] as [[UInt8]]
    )
    func `invalid UTF-8 refuses the item, in its id the connection`(bytes: [UInt8]) throws {
        let item = Self.item { item in
            item.id = "QQQ"
            item.request.task = .chat(ChatRequest(messages: [Message(role: .user, text: "WWW")]))
        }
        let frame = ClientFrame(id: 4, body: .append(ClientFrame.Append(items: [.item(item)], isLast: true)))
        let prompt = try Codec.decodeClient(try Self.replaced("WWW", by: bytes, in: frame))
        guard case .append(let append) = prompt.body, case .refused("QQQ", let failure) = append.items.first else {
            Issue.record("not refused")
            return
        }
        #expect(failure.param == "items[0].request.chat.messages[0].text")
        let id = try Self.replaced("QQQ", by: bytes, in: frame)
        #expect(throws: WireError.self) { try Codec.decodeClient(id) }
        let hello = ClientFrame.Hello(major: 1, minor: 0, client: "WWW")
        let spoiled = try Self.replaced("WWW", by: bytes, in: ClientFrame(id: 0, body: .hello(hello)))
        #expect(throws: WireError.self) { try Codec.decodeClient(spoiled) }
    }

    @Test func `an unknown enum value refuses the item or, in the options, the batch`() throws {
        // Submit.options.ordering = 999; then items[0].request.chat.messages[0].role = 999.
        let options: [UInt8] = [8, 1, 0x1A, 5, 0x0A, 3, 0x18, 0xE7, 0x07]
        guard case .refused(let failure) = try Codec.decodeClient(options).body else {
            Issue.record("not refused")
            return
        }
        #expect(failure.param == "options.ordering")
        let role: [UInt8] = [8, 1, 0x1A, 11, 0x1A, 9, 0x12, 7, 0x12, 5, 0x0A, 3, 8, 0xE7, 0x07]
        guard case .submit(let submit) = try Codec.decodeClient(role).body,
            case .refused(_, let fault) = submit.items[0]
        else {
            Issue.record("not refused")
            return
        }
        #expect(fault.param == "items[0].request.chat.messages[0].role")
    }

    @Test func `a wrong default or an endless budget refuses the batch`() throws {
        var options = BatchOptions()
        options.maxCostNanoUSD = -1
        let cost = ClientFrame.Submit(options: options, defaults: nil, items: [], isOpen: true)
        let named = ClientFrame.Submit(
            options: BatchOptions(),
            defaults: Request(model: Self.long, task: nil),
            items: [],
            isOpen: true
        )
        for (submit, path) in [(cost, "options.max_cost_nano_usd"), (named, "defaults.model")] {
            let frame = ClientFrame(id: 1, body: .submit(submit))
            guard case .refused(let failure) = try Codec.decodeClient(Codec.body(try Codec.encode(frame))).body else {
                Issue.record("not refused")
                return
            }
            #expect(failure.param == path)
        }
    }

    @Test func `a blob's chunk has bounds`() throws {
        let cases: [(ClientFrame.Blob, FailureCode)] = [
            (
                .init(offset: 0, total: 1 << 20, data: [UInt8](repeating: 0, count: (256 << 10) + 1), sha256: []),
                .tooLarge
            ),
            (.init(offset: .max, total: .max, data: [1], sha256: []), .invalidRequest),
            (.init(offset: 5, total: 5, data: [1], sha256: []), .invalidRequest),
            (.init(offset: 0, total: 1, data: [1], sha256: [1]), .invalidRequest),
        ]
        for (blob, code) in cases {
            let frame = ClientFrame(id: 1, body: .blob(blob))
            guard case .refused(let failure) = try Codec.decodeClient(Codec.body(try Codec.encode(frame))).body else {
                Issue.record("not refused")
                return
            }
            #expect(failure.code == code)
        }
    }
}
