// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What the benchmarks work on: the texts of the load client, 900 bytes with the line breaks and quotation marks that
/// JSON must escape.
enum Samples {
    static let text: String = {
        let prose = """
            The daemon takes a batch of requests from a socket, sends each one to a model as soon as a lane is free,
            and hands every answer back the moment it is final. A reader may call that "completion order", and is right.
            Nothing waits for the slowest item, nothing is asked twice without need, and the summary comes last.

            """
        var bytes = Array("#00000000 ".utf8)
        while bytes.count < 900 { bytes.append(contentsOf: prose.utf8) }
        return String(decoding: bytes.prefix(900), as: UTF8.self)
    }()

    static let request = Request(
        model: "plain",
        task: .chat(ChatRequest(messages: [Message(role: .user, text: Self.text)]))
    )

    static let endpoint = Endpoint(
        provider: "openai",
        format: .openAI,
        isSecure: false,
        host: "127.0.0.1",
        port: 80,
        pathPrefix: "/v1",
        model: "bench"
    )

    /// The text as JSON has it between its quotation marks.
    static let escapedText = Self.text.replacing("\n", with: #"\n"#).replacing("\"", with: #"\""#)

    /// The body that the benchmark's upstreams answer.
    static let completion =
        #"{"id":"chatcmpl-bench0001","object":"chat.completion","created":1790000000,"model":"bench","#
        + #""choices":[{"index":0,"message":{"role":"assistant","content":"\#(Self.escapedText)","refusal":null},"#
        + #""logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":210,"completion_tokens":205,"#
        + #""total_tokens":415},"system_fingerprint":"fp_bench"}"#
}
