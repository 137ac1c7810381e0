// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import FanoutModel

/// What a person can do about a failure.
enum Advice {
    /// The code, the sentence, and the remedy, on up to three lines.
    static func lines(_ error: FanoutError) -> [String] {
        var lines = ["\(error.code.name): \(error.message)"]
        if let failure = error.failure {
            if !failure.providerMessage.isEmpty, failure.providerMessage != failure.message {
                lines.append("the provider said: \(failure.providerMessage)")
            }
            for cause in failure.causes {
                let place = cause.deployment.isEmpty ? cause.group : cause.deployment
                lines.append("before, \(place): \(cause.code.name): \(cause.message)")
            }
        }
        // The remedies are for an item; of the connection its own sentence says it.
        if error.failure != nil, let remedy = self.remedy(error.code) { lines.append(remedy) }
        if let wait = error.retryAfter { lines.append("try again in \(wait)") }
        return lines
    }

    static func remedy(_ code: FailureCode) -> String? {
        switch code {
        case .invalidRequest, .unsupportedParameter: "change the request: no retry can help"
        case .tooLarge, .contextWindow: "shorten the prompt, or use a model with a larger context window"
        case .contentPolicy: "the provider's content policy refused: change the prompt"
        case .noRoute: "see `fanout status` for the models that are configured"
        case .authentication, .permission: "check the key of that deployment in the daemon's configuration"
        case .notFound: "check the deployment's model name and api_base in the daemon's configuration"
        case .quotaExhausted, .budgetExceeded: "raise the budget or pay the bill: waiting doesn't help"
        case .rateLimited, .overloaded, .admissionRefused: "wait, or add a deployment of that model"
        case .deadlineExceeded: "give it more time by --deadline"
        case .providerError, .invalidResponse, .schemaMismatch, .streamBroken:
            "the provider failed: try again, and see `fanout status`"
        case .unreachable, .timeout: "check that it runs and can be reached: see `fanout status`"
        case .cancelled: nil
        case .notStarted: "nothing was run: it is safe to send again"
        case .internal: "this is a bug of Fanout: please report it with the daemon's log"
        case .badFrame, .frameTooLarge, .wrongState, .unsupportedVersion, .helloTimeout, .frameTimeout,
            .windowExceeded, .slowReader, .flood, .tooManyConnections:
            "check that `fanout --version` fits the daemon's"
        }
    }
}
