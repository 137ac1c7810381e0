// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel

@testable import FanoutUpstream

/// Orders and answers that the tests share.
enum Sample {
    static func order(
        port: UInt16,
        host: String = "127.0.0.1",
        secure: Bool = false,
        stream: Bool = false,
        timeouts: Timeouts = Timeouts(),
        deadline: Instant = .never
    ) -> AttemptOrder {
        var endpoint = Endpoint(
            provider: "openai",
            format: .openAI,
            isSecure: secure,
            host: host,
            port: port,
            pathPrefix: "/v1",
            model: "m"
        )
        endpoint.credential = .bearer(Secret("key"))
        let chat = ChatRequest(messages: [Message(role: .user, text: "hello")])
        return AttemptOrder(
            id: 0,
            endpoint: endpoint,
            request: Request(model: "m", task: .chat(chat)),
            wantsDeltas: stream,
            timeouts: timeouts,
            deadline: deadline,
            traceparent: ""
        )
    }

    static let completion = #"""
        {"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":
        {"role":"assistant","content":"Hello there"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}
        """#

    static let events = [
        #"data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        #"data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}"#,
        #"data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}]}"#,
        #"data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "data: [DONE]",
    ].map { $0 + "\n\n" }

    static func answer(
        _ body: String,
        status: String = "200 OK",
        headers: String = "content-type: application/json\r\n"
    ) -> String {
        "HTTP/1.1 \(status)\r\n\(headers)content-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static let streamHead =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

    static func chunk(_ text: String) -> String {
        "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n"
    }

    static let lastChunk = "0\r\n\r\n"

    static var stream: String {
        Self.streamHead + Self.events.map(Self.chunk).joined() + Self.lastChunk
    }
}

extension AttemptReport {
    var failure: Failure? {
        if case .failure(let failure) = self.result { return failure }
        return nil
    }

    var text: String? {
        guard case .success(let response) = self.result, case .chat(let choices) = response.body else { return nil }
        return choices.first?.message.text
    }
}
