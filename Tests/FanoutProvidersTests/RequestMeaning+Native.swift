// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON

/// Brings bodies of Cohere's, Ollama's and text-generation-inference's formats into a form in which those that ask for
/// the same are equal.
struct NativeMeaning {
    let provider: String

    func of(_ body: JSONValue) -> JSONValue {
        var body = body.plain
        switch self.provider {
        case "cohere": self.cohere(&body)
        case "ollama": self.ollama(&body)
        default: self.generation(&body)
        }
        body.change("tools") { tools in
            Self.each(tools) { tool in
                tool.change("function") { function in
                    var function = function
                    function.change("description") { $0 == .string("") ? nil : $0 }
                    return function
                }
            }
        }
        return body
    }

    private func cohere(_ body: inout JSONValue) {
        body.change("stream") { $0 == .bool(false) ? nil : $0 }
        // Vectors of floats are what comes where nothing is said.
        body.change("embedding_types") { $0 == .array([.string("float")]) ? nil : $0 }
        body.change("messages") { turns in
            Self.each(turns) { turn in
                // One text stands for one block of text.
                turn.change("content") { content in
                    guard content.text != nil else { return content }
                    return .array([.object(["type": .string("text"), "text": content])])
                }
            }
        }
    }

    private func ollama(_ body: inout JSONValue) {
        // A stream is what comes where nothing is said.
        body.change("stream") { $0 == .bool(true) ? nil : $0 }
        for key in ["context", "images"] { body.change(key) { $0 == .array([]) ? nil : $0 } }
        for key in ["format", "suffix", "system", "template"] { body.change(key) { $0 == .string("") ? nil : $0 } }
        body.change("options") { $0 == .object([:]) ? nil : $0 }
        body.change("raw") { $0 == .bool(false) ? nil : $0 }
        body.change("messages") { turns in
            Self.each(turns) { turn in
                // What all calls are.
                turn.change("tool_calls") { Self.each($0) { call in call.change("type") { _ in nil } } }
            }
        }
    }

    private func generation(_ body: inout JSONValue) {
        body.change("stream") { $0 == .bool(false) ? nil : $0 }
        body.change("parameters") { parameters in
            var parameters = parameters
            // Fanout always asks for the reason of the end and the counts.
            parameters.change("details") { _ in nil }
            for key in ["decoder_input_details", "do_sample", "return_full_text", "watermark"] {
                parameters.change(key) { $0 == .bool(false) ? nil : $0 }
            }
            parameters.change("stop") { $0 == .array([]) ? nil : $0 }
            return parameters == .object([:]) ? nil : parameters
        }
    }

    private static func each(_ value: JSONValue, _ change: (inout JSONValue) -> Void) -> JSONValue {
        guard let elements = value.elements else { return value }
        return .array(
            elements.map { element in
                var element = element
                change(&element)
                return element
            }
        )
    }
}
