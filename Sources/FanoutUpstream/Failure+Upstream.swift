// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

#if canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

extension RouteKey {
    /// For sentences: `host:port`.
    var words: String { "\(self.host):\(self.port)" }
}

// What went wrong between us and a provider, in words that name the step and what to check.
extension Failure {
    static func nameUnknown(_ key: RouteKey, _ error: NameResolutionError) -> Failure {
        Failure(
            .unreachable,
            "the name \(key.host) can't be resolved: \(error.words). Check the host in api_base and this machine's DNS."
        )
    }

    static func connectFailed(_ key: RouteKey, _ error: any Error) -> Failure {
        if let failure = error as? Failure { return failure }
        if let connection = error as? NIOConnectionError,
            let failure = connection.connectionErrors.lazy.compactMap({ $0.error as? Failure }).first
        {
            return failure
        }
        return Failure(
            .unreachable,
            "no connection to \(key.words): \(Self.causes(of: error)). Check that the provider runs there, the port in "
                + "api_base, and that no firewall is between."
        )
    }

    /// Why there is no connection, each cause once, of however many addresses.
    static func causes(of error: any Error) -> String {
        guard let connection = error as? NIOConnectionError else { return Self.words(of: error) }
        var causes: [String] = []
        for single in connection.connectionErrors {
            let words = Self.words(of: single.error)
            if !causes.contains(words) { causes.append(words) }
        }
        return causes.joined(separator: ", ")
    }

    static func handshakeFailed(_ key: RouteKey, _ error: (any Error)?) -> Failure {
        let words = error.map { "\($0)" } ?? "the provider closed the connection"
        let isCertificate =
            error is CertificateFault || words.contains("CERTIFICATE_VERIFY_FAILED") || words.contains("noCertificate")
            || words.contains("UnableToValidateCertificate") || words.contains("unableToValidateCertificate")
        let advice =
            isCertificate
            ? "The certificate isn't trusted or is for another name: check the host in api_base, this machine's clock, "
                + "and whether the provider needs a certificate authority of its own"
            : "Check that the provider speaks TLS on this port, and that api_base has the right scheme (https or http)"
        return Failure(.unreachable, "TLS with \(key.words) failed: \(words.prefix(400)). \(advice).")
    }

    static func timedOut(_ phase: TimeoutPhase, _ key: RouteKey, milliseconds: UInt64) -> Failure {
        let words =
            switch phase {
            case .connect: "no connection to \(key.words) within \(milliseconds) ms (TLS included)"
            case .headers: "\(key.words) sent no headers within \(milliseconds) ms"
            case .firstContent: "\(key.words) sent no content within \(milliseconds) ms"
            case .idle: "\(key.words) sent no further content for \(milliseconds) ms"
            case .total, .none: "\(key.words) didn't answer in full within \(milliseconds) ms"
            }
        var failure = Failure(.timeout, words + ". Raise the timeout if the model needs longer.")
        failure.phase = phase
        return failure
    }

    static func tokenTimedOut(_ name: String, milliseconds: UInt64) -> Failure {
        var failure = Failure(
            .timeout,
            "no token for \(name) within \(milliseconds) ms, and without one nothing is sent. Check the server that gives "
                + "it out."
        )
        failure.phase = .connect
        return failure
    }

    static func tooManyWait(for source: CredentialSource) -> Failure {
        Failure(.overloaded, "too many attempts wait for a token for \(source.name). Trying again usually helps.")
    }

    static func deadlinePassed(_ key: RouteKey) -> Failure {
        var failure = Failure(
            .deadlineExceeded,
            "the item's deadline passed while \(key.words) was answering. Give it a longer deadline."
        )
        failure.phase = .total
        return failure
    }

    static func cancelled(_ reason: CancelReason) -> Failure {
        var failure = Failure(.cancelled, "the attempt was cancelled.")
        failure.cancelReason = reason
        return failure
    }

    static func connectionLost(_ key: RouteKey, amidAnswer: Bool, streamed: Bool, error: (any Error)?) -> Failure {
        if let fault = error as? ResponseFault {
            return Failure(
                .invalidResponse,
                "\(key.words) doesn't answer in HTTP/1.1: \(fault.words). Check what answers there, and the scheme in "
                    + "api_base."
            )
        }
        let cause = error.map { ": " + Self.words(of: $0) } ?? ""
        guard amidAnswer else {
            return Failure(
                .unreachable,
                "\(key.words) closed the connection without an answer\(cause). Trying again usually helps."
            )
        }
        return Failure(
            .streamBroken,
            "\(key.words) closed the connection amid \(streamed ? "its stream" : "its answer")\(cause). Trying again "
                + "usually helps."
        )
    }

    static func refused(_ key: RouteKey, _ refusal: UpstreamConnection.Refusal, bodyBytesMax: Int) -> Failure {
        let words =
            switch refusal {
            case .unsolicited: "\(key.words) sent more than it was asked for"
            case .headTooLarge:
                "the headers of \(key.words) are larger than allowed (\(UpstreamConnection.headBytesMax >> 10) KiB)"
            case .tooManyInterimHeads:
                "\(key.words) sent more than \(UpstreamConnection.interimHeadsMax) interim (1xx) answers"
            case .bodyTooLarge: "the answer of \(key.words) is larger than allowed (\(bodyBytesMax) bytes)"
            }
        return Failure(.invalidResponse, words + ". Check what answers there.")
    }

    static func redirected(_ key: RouteKey, status: UInt16, location: String?) -> Failure {
        let target = location.map { " to \(String($0.prefix(200)).debugDescription)" } ?? ""
        var failure = Failure(
            .invalidResponse,
            "\(key.words) redirects\(target) (HTTP \(status)); redirects are not followed. Put the final address into "
                + "api_base."
        )
        failure.providerStatus = status
        return failure
    }

    static func encoded(_ key: RouteKey, status: UInt16, encoding: String) -> Failure {
        var failure = Failure(
            .invalidResponse,
            "\(key.words) answers in the encoding \(String(encoding.prefix(64)).debugDescription), though it was asked "
                + "for none. Switch compression off there."
        )
        failure.providerStatus = status
        failure.possibleDoubleSpend = (200..<300).contains(status)
        return failure
    }

    private static func words(of error: any Error) -> String {
        switch error {
        case let error as IOError:
            switch error.errnoCode {
            case ECONNREFUSED: "connection refused"
            case ECONNRESET: "connection reset"
            case EHOSTUNREACH: "no route to the host"
            case ENETUNREACH: "network unreachable"
            case ETIMEDOUT: "no answer"
            case EPIPE: "connection closed"
            default: "\(error)"
            }
        case ChannelError.connectTimeout: "no answer"
        case NIOSSLError.uncleanShutdown: "TLS ended without a goodbye"
        default: String("\(error)".prefix(400))
        }
    }
}
