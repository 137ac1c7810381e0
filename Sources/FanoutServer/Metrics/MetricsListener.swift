// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

/// The socket on which Prometheus, or whatever speaks its HTTP, finds the metrics.
struct MetricsListener {
    private let file: SocketFile
    private let channel: any Channel

    /// Binds the socket.
    static func open(
        _ settings: MetricsSocketSettings,
        core: LoopBox<ServerCore>,
        loop: any EventLoop
    ) async throws
        -> MetricsListener
    {
        let file = try SocketFile(path: settings.path)
        let channel = try await file.bind(mode: settings.mode, group: settings.group) {
            try await ServerBootstrap(group: loop)
                .serverChannelOption(.backlog, value: 16)
                // A scraper may close its side once it has asked.
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(ScrapeHandler(core: core.value))
                    }
                }
                .bind(unixDomainSocketPath: settings.path)
                .get()
        }
        return MetricsListener(file: file, channel: channel)
    }

    /// Takes no more requests and removes the socket.
    func close() async throws {
        do {
            try await self.channel.close()
        } catch ChannelError.alreadyClosed {
            // The loop has closed it: nothing is left to do.
        }
        self.file.remove()
    }
}
