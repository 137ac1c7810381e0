// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders
internal import NIOCore

/// The head of an HTTP/1.1 request up to its content-length, ready as bytes.
///
/// Requests to one endpoint have the same head, so it is checked and joined once and then only compared.
struct RequestHead {
    private let path: String
    private let headers: [Endpoint.Header]
    private let bytes: [UInt8]

    /// Joins and checks a head.
    ///
    /// - Throws: What can't stand in a head: white space in a target, a line break in a value.
    init(_ request: ProviderRequest, key: RouteKey, proxy: ProxyAddress? = nil) throws(Failure) {
        try self.init(method: "POST", path: request.path, headers: request.headers, key: key, proxy: proxy)
    }

    /// The same of a request that isn't a provider's.
    ///
    /// A proxy that forwards it is told the whole address, and its own credentials (RFC 9112, 3.2.2).
    init(
        method: String,
        path: String,
        headers: [Endpoint.Header],
        key: RouteKey,
        proxy: ProxyAddress? = nil
    ) throws(Failure) {
        self.path = path
        self.headers = headers
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw Failure(
                .invalidRequest,
                "the path \(path.debugDescription) can't be requested. Check api_base and the model's name."
            )
        }
        let host = Endpoint.authority(key.host, key.port, isSecure: key.isSecure)
        let target = proxy == nil ? path : "http://\(host)\(path)"
        var text = "\(method) \(target) HTTP/1.1\r\nhost: \(host)\r\n"
        if let authorization = proxy?.authorization { text += "proxy-authorization: \(authorization.revealed)\r\n" }
        text += "user-agent: fanout\r\naccept-encoding: identity\r\n"
        for header in headers {
            guard Self.isToken(header.name), Self.isValue(header.value.revealed) else {
                throw Failure(
                    .authentication,
                    "the header \(header.name.debugDescription) can't be sent: its name or value holds a character that "
                        + "HTTP doesn't allow. Check the key for a line break at its end."
                )
            }
            text += "\(header.name): \(header.value.revealed)\r\n"
        }
        text += "content-length: "
        self.bytes = Array(text.utf8)
    }

    /// Whether this is the head of `request`.
    func matches(_ request: ProviderRequest) -> Bool {
        self.path == request.path && self.headers == request.headers
    }

    /// Writes head and body as one.
    ///
    /// A trace context that isn't one is left out: it comes from a client.
    func write(body: [UInt8], traceparent: String, into buffer: inout ByteBuffer) {
        buffer.reserveCapacity(minimumWritableBytes: self.bytes.count + body.count + 128)
        buffer.writeBytes(self.bytes)
        Self.write(decimal: body.count, into: &buffer)
        if !traceparent.isEmpty, TraceParent.traceID(of: traceparent) != nil {
            buffer.writeStaticString("\r\ntraceparent: ")
            buffer.writeString(traceparent)
        }
        buffer.writeStaticString("\r\n\r\n")
        buffer.writeBytes(body)
    }

    /// RFC 9110, 5.6.2.
    private static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// RFC 9110, 5.5: no control characters but the tab.
    private static func isValue(_ value: String) -> Bool {
        value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }

    private static func write(decimal value: Int, into buffer: inout ByteBuffer) {
        var divisor = 1
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            buffer.writeInteger(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }
}
