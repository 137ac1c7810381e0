// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// A server's own words for why it gives out nothing.
struct TokenRefusal {
    /// For example `invalid_grant`; empty = none.
    var code: String
    /// Empty = none.
    var words: String
}

extension TokenAddress {
    /// For sentences: `host:port`.
    var words: String { "\(self.host):\(self.port)" }
}

// Why a credential could not be fetched, in words that name whose it is and what to check.
extension Failure {
    /// A server has answered with something else than a token.
    static func refused(
        _ refusal: TokenRefusal,
        _ answer: TokenAnswer,
        of name: String,
        at address: TokenAddress
    ) -> Failure {
        let own = [refusal.code, refusal.words].filter { !$0.isEmpty }.joined(separator: ": ")
        let said = own.isEmpty ? "" : ": " + Self.line(own)
        var failure =
            switch answer.status {
            case 408, 429, 500...:
                Failure(
                    .unreachable,
                    "no token for \(name): \(address.words) answered HTTP \(answer.status)\(said). It is asked "
                        + "again by itself."
                )
            case 300..<400:
                Failure(
                    .unreachable,
                    "no token for \(name): \(address.words) redirects (HTTP \(answer.status)), and keys follow "
                        + "no redirect. Put the final address in its place."
                )
            default:
                Failure(
                    .authentication,
                    "\(address.words) refuses a token to \(name) (HTTP \(answer.status))\(said). Check that the "
                        + "account exists, that its key or secret is current, and this machine's clock."
                )
            }
        failure.providerCode = String(refusal.code.prefix(256))
        failure.providerMessage = String(refusal.words.prefix(4_096))
        failure.retryAfterMilliseconds = answer.retryAfterMilliseconds
        return failure
    }

    /// A server has said yes without a token.
    static func noToken(of name: String, at address: TokenAddress) -> Failure {
        Failure(
            .unreachable,
            "no token for \(name): \(address.words) answers with something else. Check what answers there."
        )
    }

    /// A server could not be asked.
    static func unanswered(_ failure: Failure, of name: String) -> Failure {
        var failure = failure
        failure.code = .unreachable
        failure.phase = .none
        failure.providerStatus = 0
        failure.possibleDoubleSpend = false
        failure.message = "no token for \(name): \(failure.message)"
        return failure
    }

    /// A file that is needed isn't there, or holds something else.
    static func fileUnusable(_ path: String, _ words: String, of name: String) -> Failure {
        Failure(
            .authentication,
            "no token for \(name): the file \(path) \(words). Check the path and who may read it."
        )
    }

    /// A key can't sign.
    static func keyUnusable(_ words: String, of name: String) -> Failure {
        Failure(.authentication, "no token for \(name): its key \(words). Get a new one.")
    }

    /// Somebody else's words as part of a sentence of ours: one line, not long, without a stop at its end.
    private static func line(_ words: String) -> String {
        var text = String(words.prefix(400).map { $0.isNewline || $0 == "\t" ? " " : $0 })
        while let last = text.last, last == "." || last == " " { text.removeLast() }
        return text
    }
}
