// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What is asked of a server that gives out tokens or keys.
package struct TokenRequest: Sendable, Hashable {
    /// HTTP's methods that are needed.
    package enum Method: Sendable, Hashable {
        case get
        case post
        case put
    }

    /// How.
    package var method: Method
    /// Where.
    package var address: TokenAddress
    /// What is sent beside the body's own headers; values may be secrets.
    package var headers: [Endpoint.Header] = []
    /// Empty = none.
    package var body: [UInt8] = []

    /// A form that is posted; `accept`: what the answer may be, nil = nothing is said of that.
    static func form(
        _ fields: [OAuthGrant.Field],
        to address: TokenAddress,
        accept: String? = "application/json"
    ) -> TokenRequest {
        var request = TokenRequest(method: .post, address: address)
        request.headers = [
            Endpoint.Header(name: "content-type", value: Secret("application/x-www-form-urlencoded"))
        ]
        if let accept { request.headers.append(Endpoint.Header(name: "accept", value: Secret(accept))) }
        request.body = FormEncoding.bytes(fields)
        return request
    }

    private init(method: Method, address: TokenAddress) {
        self.method = method
        self.address = address
    }

    /// Nothing is put but a header.
    static func put(_ address: TokenAddress, header name: String, _ value: Secret) -> TokenRequest {
        var request = TokenRequest(method: .put, address: address)
        request.headers = [Endpoint.Header(name: name, value: value)]
        return request
    }

    /// Nothing is sent but perhaps a header.
    static func get(_ address: TokenAddress, header name: String = "", _ value: Secret? = nil) -> TokenRequest {
        var request = TokenRequest(method: .get, address: address)
        if let value { request.headers = [Endpoint.Header(name: name, value: value)] }
        return request
    }
}

/// What such a server answered.
package struct TokenAnswer: Sendable, Hashable {
    /// The HTTP status.
    package var status: UInt16
    /// At most ``bytesMax``.
    package var body: [UInt8]
    /// `retry-after` in milliseconds; `nil` = none.
    package var retryAfterMilliseconds: UInt64?

    /// The most bytes of an answer.
    package static let bytesMax = 256 << 10

    /// Makes an answer.
    package init(status: UInt16, body: [UInt8], retryAfterMilliseconds: UInt64? = nil) {
        self.status = status
        self.body = body
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }
}
