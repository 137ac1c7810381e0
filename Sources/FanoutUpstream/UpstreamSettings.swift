// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// The bounds of a runner's connections, and the proxies that they go through.
package struct UpstreamSettings: Sendable, Hashable {
    /// Bytes of a provider's answer, as `Limits.answerBytes`.
    package var answerBytesMax = 64 << 20
    /// How long a connection stays idle before it is closed.
    ///
    /// Below the 60 s after which many servers and balancers close one themselves.
    package var idleMilliseconds: UInt64 = 55_000
    /// Idle connections of one host and port; the longest idle is closed for one more.
    package var idleConnectionsMax = 1_024
    /// How long a name's addresses are used.
    package var nameMilliseconds: UInt64 = 30_000
    /// How long a name's failure is believed.
    package var nameFailureMilliseconds: UInt64 = 1_000
    /// How long one fetch of a credential may take, with all that it reads and asks.
    package var fetchMilliseconds: UInt64 = 10_000

    /// The proxies.
    package var proxies = ProxySettings()

    /// The defaults.
    package init() {}
}
