// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

// What went wrong at a proxy, in words that tell it from the provider. Its password is never among them.
extension Failure {
    private static let advice = "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the daemon's environment"

    /// A failure on the way to a proxy in place of one on the way to a provider.
    static func proxyUnreachable(_ proxy: ProxyAddress, to key: RouteKey, causes: String) -> Failure {
        Failure(
            .unreachable,
            "the proxy \(proxy.host):\(proxy.port), which leads to \(key.words), can't be reached: \(causes). "
                + "\(Self.advice), and that the proxy runs."
        )
    }

    /// A proxy makes no tunnel.
    static func noTunnel(_ fault: ProxyTunnel.Fault, _ proxy: ProxyAddress, to key: RouteKey) -> Failure {
        let words =
            switch fault {
            case .refused(status: 407): "it wants a user and password (HTTP 407)"
            case .refused(let status): "it refuses (HTTP \(status))"
            case .malformed: "what it answers is no proxy's answer"
            case .closed: "it closed the connection"
            }
        return Failure(
            .unreachable,
            "the proxy \(proxy.host):\(proxy.port) makes no tunnel to \(key.words): \(words). \(Self.advice)."
        )
    }
}
