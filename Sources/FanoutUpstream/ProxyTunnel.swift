// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import NIOCore

/// Asks an HTTP proxy for a tunnel to a host (RFC 9110, 9.3.6); what follows on the connection is the host's.
final class ProxyTunnel: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The most bytes of the proxy's answer.
    static let headBytesMax = 16 << 10

    /// Why there is no tunnel.
    enum Fault: Error, Equatable {
        /// It answers with another status than success; 407 = it wants credentials.
        case refused(status: UInt16)
        /// What it answers isn't HTTP, is too large, or goes on after its head.
        case malformed
        /// The connection has ended.
        case closed
    }

    private let target: RouteKey
    private let proxy: ProxyAddress
    private var answer: [UInt8] = []
    private var done: ((Result<Void, Fault>) -> Void)?
    private var context: ChannelHandlerContext?

    init(to target: RouteKey, through proxy: ProxyAddress) {
        self.target = target
        self.proxy = proxy
    }

    /// Sends the request; `done` is called once.
    func open(_ done: @escaping (Result<Void, Fault>) -> Void) {
        self.done = done
        guard let context = self.context, context.channel.isActive else {
            self.end(.failure(.closed))
            return
        }
        let host = self.target.host
        let place = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(self.target.port)" : self.target.words
        var text = "CONNECT \(place) HTTP/1.1\r\nhost: \(place)\r\nuser-agent: fanout\r\n"
        if let authorization = self.proxy.authorization {
            text += "proxy-authorization: \(authorization.revealed)\r\n"
        }
        text += "\r\n"
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.done != nil else {
            context.fireChannelRead(data)
            return
        }
        self.answer.append(contentsOf: self.unwrapInboundIn(data).readableBytesView)
        guard self.answer.count <= Self.headBytesMax else {
            self.end(.failure(.malformed))
            return
        }
        guard let end = self.answer.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else { return }
        guard let status = Self.status(self.answer) else {
            self.end(.failure(.malformed))
            return
        }
        guard (200..<300).contains(status) else {
            self.end(.failure(.refused(status: status)))
            return
        }
        // A server of TLS says nothing before it is spoken to.
        self.end(end == self.answer.count ? .success(()) : .failure(.malformed))
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end(.failure(.closed))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard self.done != nil else {
            context.fireErrorCaught(error)
            return
        }
        self.end(.failure(.closed))
    }

    private func end(_ result: Result<Void, Fault>) {
        let done = self.done
        self.done = nil
        self.answer = []
        done?(result)
    }

    /// `HTTP/1.1 200 …`.
    private static func status(_ head: [UInt8]) -> UInt16? {
        let line = head.prefix { $0 != UInt8(ascii: "\r") }
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard words.count >= 2, words[0].starts(with: "HTTP/1.".utf8), words[1].count == 3 else { return nil }
        return UInt16(String(decoding: words[1], as: UTF8.self))
    }
}
