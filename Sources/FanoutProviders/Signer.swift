// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Who signs a model's reasoning and calls, and alone can make use of that.
///
/// Anthropic's signatures are good wherever its models run (docs.anthropic.com, "Extended thinking", on signatures
/// across platforms); elsewhere a gateway's or a cloud's are its own.
enum Signer {
    /// The signer of what an endpoint answers.
    static func name(of endpoint: Endpoint) -> String {
        switch endpoint.format {
        case .anthropic: "anthropic"
        case .bedrock: BedrockModel(endpoint.model).family == .anthropic ? "anthropic" : "bedrock"
        case .gemini: "gemini"
        case .openAI, .cohere, .ollama, .huggingFace, .simulated: endpoint.provider
        }
    }
}

extension Request {
    /// This request without what another signer has signed or encrypted; the words of reasoning stay.
    func withoutForeignSignatures(at endpoint: Endpoint) -> Request {
        guard case .chat(var chat)? = self.task, chat.messages.contains(where: \.isSigned) else { return self }
        let own = Signer.name(of: endpoint)
        for message in chat.messages.indices where chat.messages[message].isSigned {
            for part in chat.messages[message].parts.indices {
                switch chat.messages[message].parts[part].kind {
                case .reasoning(var reasoning) where !reasoning.signer.isEmpty && reasoning.signer != own:
                    (reasoning.signature, reasoning.encrypted, reasoning.signer) = ([], [], "")
                    chat.messages[message].parts[part].kind = .reasoning(reasoning)
                case .toolCall(var call) where !call.signer.isEmpty && call.signer != own:
                    (call.signature, call.signer) = ([], "")
                    chat.messages[message].parts[part].kind = .toolCall(call)
                default: break
                }
            }
        }
        var request = self
        request.task = .chat(chat)
        return request
    }
}

extension Response {
    /// Writes the signer beside each signature.
    mutating func markSigner(of endpoint: Endpoint) {
        guard case .chat(var choices) = self.body else { return }
        var isChanged = false
        for choice in choices.indices {
            for part in choices[choice].message.parts.indices {
                switch choices[choice].message.parts[part].kind {
                case .reasoning(var reasoning) where !reasoning.signature.isEmpty || !reasoning.encrypted.isEmpty:
                    reasoning.signer = Signer.name(of: endpoint)
                    choices[choice].message.parts[part].kind = .reasoning(reasoning)
                    isChanged = true
                case .toolCall(var call) where !call.signature.isEmpty:
                    call.signer = Signer.name(of: endpoint)
                    choices[choice].message.parts[part].kind = .toolCall(call)
                    isChanged = true
                default: break
                }
            }
        }
        if isChanged { self.body = .chat(choices) }
    }
}

extension Message {
    /// Whether a part of it is said to be somebody's.
    fileprivate var isSigned: Bool {
        self.parts.contains { part in
            switch part.kind {
            case .reasoning(let reasoning): !reasoning.signer.isEmpty
            case .toolCall(let call): !call.signer.isEmpty
            default: false
            }
        }
    }
}
