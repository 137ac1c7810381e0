// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// The HTTP request of one attempt, always a POST.
///
/// `host`, `content-length`, `accept-encoding` and `user-agent` are the connection's affair.
package struct ProviderRequest: Sendable, Hashable {
    /// The target with its query, for example `/v1/chat/completions`.
    package var path: String
    /// What is sent beside them; values may be secrets.
    package var headers: [Endpoint.Header]
    /// The JSON body.
    package var body: [UInt8]
    /// Its headers are for this body and moment alone.
    package var isSigned = false
}
