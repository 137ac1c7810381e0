// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutEngine
internal import FanoutTelemetry
internal import NIOCore

/// The channel's end of one request for the metrics.
final class ScrapeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let core: ServerCore
    private var request = ScrapeRequest()
    private var hasAnswered = false
    private var deadline: Scheduled<Void>?

    /// From the connection to the last byte of the answer.
    private static let timeout = TimeAmount.seconds(10)

    init(core: ServerCore) {
        self.core = core
    }

    func channelActive(context: ChannelHandlerContext) {
        guard self.core.beginScrape() else {
            self.hasAnswered = true
            // Whoever scrapes comes again; it is counted with nobody.
            context.close(promise: nil)
            return
        }
        let channel = context.channel
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.timeout) {
            channel.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.hasAnswered, let answer = self.request.receive(self.unwrapInboundIn(data).readableBytesView) else {
            return
        }
        self.hasAnswered = true
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: self.bytes(of: answer))))
            .assumeIsolated()
            .whenComplete { _ in context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard let deadline = self.deadline else { return }
        deadline.cancel()
        self.deadline = nil
        self.core.endScrape()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func bytes(of answer: ScrapeRequest.Answer) -> [UInt8] {
        switch answer {
        case .metrics:
            let text = self.core.metrics(now: Engine.now()).text()
            return Self.head("200 OK", PrometheusText.mediaType, text.count) + text
        case .head:
            let text = self.core.metrics(now: Engine.now()).text()
            return Self.head("200 OK", PrometheusText.mediaType, text.count)
        case .refusal(let status, let words):
            let text = Array("\(words)\n".utf8)
            return Self.head(status.rawValue, "text/plain; charset=utf-8", text.count) + text
        }
    }

    private static func head(_ status: String, _ mediaType: String, _ count: Int) -> [UInt8] {
        let lines = "HTTP/1.1 \(status)\r\nContent-Type: \(mediaType)\r\nContent-Length: \(count)\r\n"
        return Array("\(lines)Connection: close\r\n\r\n".utf8)
    }
}
