// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import FanoutModel

/// Prints the answer to a single question.
enum Answer {
    /// One JSON object; a failure is in it, and in the exit status.
    static func print(json result: ItemResult) throws {
        var line: [UInt8] = []
        ResultLine.append(result, to: &line)
        try Descriptor.output.write(line)
        _ = try result.response()
    }

    /// The text and what else there is.
    static func print(_ result: ItemResult) throws {
        let text = try result.response().text
        if !text.isEmpty {
            try Descriptor.output.write(text.hasSuffix("\n") ? Array(text.utf8) : Array("\(text)\n".utf8))
        }
        try self.printRest(of: result)
    }

    /// Tool calls on standard output, and on standard error why an answer isn't whole.
    static func printRest(of result: ItemResult) throws {
        guard case .chat(let choices) = try result.response().body, let choice = choices.first else { return }
        for part in choice.message.parts {
            switch part.kind {
            case .toolCall(let call):
                try Descriptor.output.write(line: "\(call.name)(\(String(decoding: call.arguments, as: UTF8.self)))")
            case .refusal(let refusal): Descriptor.complain("fanout: the model refused: \(refusal.text)")
            case .text, .image, .document, .audio, .video, .reasoning, .toolResult, .opaque: break
            }
        }
        switch choice.finishReason {
        case .length: Descriptor.complain("fanout: the answer was cut off at the most tokens allowed")
        case .contentFilter: Descriptor.complain("fanout: the provider's content filter cut the answer off")
        case .unspecified, .stop, .toolCalls, .other: break
        }
    }
}

/// Turns the pieces of an answer into what a terminal shows.
struct DeltaPrinter {
    /// Whether the last thing shown was the end of a line.
    private var isAtLineStart = true

    /// Text for standard output, and a notice for standard error that goes before it.
    mutating func text(for delta: Delta) -> (text: String, notice: String) {
        guard delta.choice == 0 else { return ("", "") }
        switch delta.kind {
        case .text(let text):
            guard let last = text.utf8.last else { return ("", "") }
            self.isAtLineStart = last == UInt8(ascii: "\n")
            return (text, "")
        case .restart(let code, let message):
            let notice = "fanout: the answer broke off (\(code.name): \(message)) and begins anew:\n"
            let gap = self.isAtLineStart ? "" : "\n"
            self.isAtLineStart = true
            return ("", gap + notice)
        // Shown when they are complete.
        case .reasoning, .refusal, .toolCall: return ("", "")
        }
    }

    /// What makes the output end in a whole line.
    mutating func end() -> String {
        defer { self.isAtLineStart = true }
        return self.isAtLineStart ? "" : "\n"
    }
}
