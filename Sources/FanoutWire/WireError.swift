// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// A fault of the peer after which the connection can't go on.
package struct WireError: Error, Sendable, Hashable {
    /// `badFrame` or `frameTooLarge`.
    package var code: FailureCode
    /// What is wrong and what to do, for a person.
    package var message: String
    /// The limit that was crossed; 0 = none.
    package var limit: UInt64
    /// What the peer seems to speak in place of Fanout's protocol; `nil` = nothing that is known.
    package var foreign: ForeignProtocol?

    /// Makes an error.
    package init(_ code: FailureCode, _ message: String, limit: UInt64 = 0, foreign: ForeignProtocol? = nil) {
        self.code = code
        self.message = message
        self.limit = limit
        self.foreign = foreign
    }
}

/// A protocol that strangers are known to speak first.
package enum ForeignProtocol: UInt8, Sendable, Hashable {
    /// A request line of HTTP/1 (RFC 9112, 3): worth a plain-text 400.
    case http1
    /// The preface of HTTP/2 (RFC 9113, 3.4).
    case http2
    /// A TLS record that holds a handshake (RFC 8446, 5.1).
    case tls
}
