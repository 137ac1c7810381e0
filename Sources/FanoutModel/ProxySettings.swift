// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The HTTP proxies through which providers are reached.
package struct ProxySettings: Sendable, Hashable {
    /// For providers that are reached by TLS; `nil` = none.
    package var secure: ProxyAddress?
    /// For those that aren't; `nil` = none.
    package var plain: ProxyAddress?
    /// Hosts that are reached without, as `NO_PROXY` names them, in lower case: a name with all beneath it, `.name`
    /// with those beneath alone, an address, a block of addresses such as `10.0.0.0/8`, `*`; each perhaps with a port.
    package var exceptions: [String] = []

    /// No proxies.
    package init() {}
}

/// A proxy.
package struct ProxyAddress: Sendable, Hashable {
    /// A name or an address, without brackets.
    package var host: String
    /// The TCP port.
    package var port: UInt16
    /// What `proxy-authorization` says; `nil` = nothing.
    package var authorization: Secret?

    /// Makes an address.
    package init(host: String, port: UInt16, authorization: Secret? = nil) {
        self.host = host
        self.port = port
        self.authorization = authorization
    }
}
