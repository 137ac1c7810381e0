// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders

/// SplitMix64 (Steele, Lea, Flood, 2014): the same seed, the same values.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension Endpoint {
    /// An endpoint of a provider as the catalogue describes it.
    static func of(_ provider: String, model: String = "m", configure: (inout Endpoint) -> Void = { _ in }) -> Endpoint
    {
        var endpoint = Endpoint(
            provider: provider,
            format: ProviderCatalogue.entry(named: provider)?.format ?? .openAI,
            isSecure: true,
            host: "example.org",
            port: 443,
            pathPrefix: "/v1",
            model: model
        )
        endpoint.quirks = ProviderCatalogue.quirks(of: provider, model: model)
        configure(&endpoint)
        return endpoint
    }
}

extension Request {
    /// A conversation.
    static func chat(_ messages: [Message], configure: (inout ChatRequest) -> Void = { _ in }) -> Request {
        var chat = ChatRequest(messages: messages)
        configure(&chat)
        return Request(model: "group", task: .chat(chat))
    }

    /// One user's text.
    static func text(_ text: String = "hi", configure: (inout ChatRequest) -> Void = { _ in }) -> Request {
        .chat([Message(role: .user, text: text)], configure: configure)
    }

    /// This request with extra parameters.
    func with(extra: String) -> Request {
        var request = self
        request.extraJSON = Array(extra.utf8)
        return request
    }
}

/// The body that a request is sent with, as a tree.
func encoded(
    _ request: Request,
    for endpoint: Endpoint = .of("openai"),
    stream: Bool = false
) throws -> JSONValue {
    let body = try Translator.encode(request, for: endpoint, stream: stream).body
    try validateJSON(body, objectOnly: true)
    return try JSONValue(parsing: body)
}

/// A JSON text as a tree.
func json(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
}

/// What came of an answer.
struct Decoded {
    var result: Result<Response, Failure>
    var deltas: [Delta]
    var hadContent: Bool
    var isComplete: Bool

    /// All texts of the deltas of a choice, joined.
    func text(choice: UInt32 = 0) -> String {
        var joined = ""
        for delta in self.deltas where delta.choice == choice {
            if case .text(let piece) = delta.kind { joined += piece }
        }
        return joined
    }
}

/// Decodes an answer that comes in these pieces.
func decode(
    _ pieces: [[UInt8]],
    request: Request = .text(),
    endpoint: Endpoint = .of("openai"),
    stream: Bool,
    head: AnswerHead = AnswerHead(status: 200),
    bodyBytesMax: Int = 64 << 20
) -> Decoded {
    var decoder = AnswerDecoder(for: request, endpoint: endpoint, stream: stream, bodyBytesMax: bodyBytesMax)
    var deltas: [Delta] = []
    decoder.head(head, wallClockSeconds: 784_111_777)
    do throws(Failure) {
        for piece in pieces {
            try piece.withUnsafeBufferPointer { (buffer) throws(Failure) -> Void in
                try decoder.body(UnsafeRawBufferPointer(buffer), deltas: &deltas)
            }
        }
    } catch {
        return Decoded(
            result: .failure(error),
            deltas: deltas,
            hadContent: decoder.hasContent,
            isComplete: decoder.isComplete
        )
    }
    let isComplete = decoder.isComplete
    let result = decoder.end(deltas: &deltas)
    return Decoded(result: result, deltas: deltas, hadContent: decoder.hasContent, isComplete: isComplete)
}

/// Decodes an answer that comes in one piece.
func decode(
    _ body: String,
    request: Request = .text(),
    endpoint: Endpoint = .of("openai"),
    stream: Bool = false,
    status: UInt16 = 200
) -> Decoded {
    decode([Array(body.utf8)], request: request, endpoint: endpoint, stream: stream, head: AnswerHead(status: status))
}

/// The bytes cut at random places.
func pieces(of bytes: [UInt8], using generator: inout SeededGenerator) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var start = 0
    let longest = [1, 7, 100, 4_000].randomElement(using: &generator) ?? 1
    while start < bytes.count {
        let end = min(bytes.count, start + Int.random(in: 1...longest, using: &generator))
        pieces.append(Array(bytes[start..<end]))
        start = end
    }
    return pieces
}

extension Response {
    /// The choices of a conversation.
    var chatChoices: [Choice] {
        if case .chat(let choices) = self.body { choices } else { [] }
    }
}

extension Message {
    /// The calls of this turn.
    var calls: [ToolCall] {
        self.parts.compactMap { if case .toolCall(let call) = $0.kind { call } else { nil } }
    }

    /// The reasoning of this turn.
    var reasoningText: String {
        self.parts.reduce(into: "") { if case .reasoning(let piece) = $1.kind { $0 += piece.text } }
    }
}
