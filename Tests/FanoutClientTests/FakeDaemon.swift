// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// A daemon on a real Unix socket whose answers the test gives, connection by connection.
struct FakeDaemon {
    let path: String
    private let server: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>

    /// Listens at a fresh path.
    static func listen() async throws -> FakeDaemon {
        var template = Array("/tmp/fanout-test-XXXXXX".utf8CString)
        guard let folder = mkdtemp(&template) else { throw POSIXFailure(number: errno) }
        let path = String(cString: folder) + "/s"
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return FakeDaemon(path: path, server: server)
    }

    struct POSIXFailure: Error {
        var number: CInt
    }

    /// Serves one connection with `serve` while `body` runs.
    func serving<Value: Sendable>(
        _ serve: @escaping @Sendable (inout Peer) async throws -> Void,
        while body: @escaping @Sendable (String) async throws -> Value
    ) async throws -> Value {
        let path = self.path
        return try await self.server.executeThenClose { connections in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for try await connection in connections {
                        try await connection.executeThenClose { inbound, outbound in
                            var peer = Peer(inbound: inbound.makeAsyncIterator(), outbound: outbound)
                            try await serve(&peer)
                        }
                        break
                    }
                }
                let value = try await body(path)
                try await group.waitForAll()
                unlink(path)
                rmdir(String(path.dropLast(2)))
                return value
            }
        }
    }

    /// The client's end of a connection, as the daemon sees it.
    struct Peer {
        var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        private var bytes: [UInt8] = []

        init(
            inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
            outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) {
            self.inbound = inbound
            self.outbound = outbound
        }

        /// The next frame; `nil` = the client closed.
        mutating func next() async throws -> ClientFrame? {
            while true {
                if let frame = try self.cut() { return frame }
                guard let more = try await self.inbound.next(isolation: #isolation) else { return nil }
                self.bytes += Array(more.readableBytesView)
            }
        }

        private mutating func cut() throws -> ClientFrame? {
            guard self.bytes.count >= 4 else { return nil }
            let size = self.bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard self.bytes.count >= size + 4 else { return nil }
            let body = Array(self.bytes[4..<(size + 4)])
            self.bytes.removeFirst(size + 4)
            var decoder = WireDecoder()
            return try body.withUnsafeBytes { try decoder.decodeClient($0) }
        }

        func send(_ id: UInt64, _ bodies: ServerFrame.Body...) async throws {
            var bytes: [UInt8] = []
            var encoder = WireEncoder()
            for body in bodies { try encoder.encode(ServerFrame(id: id, body: body), into: &bytes) }
            try await self.outbound.write(ByteBuffer(bytes: bytes))
        }

        /// Takes Hello and says Welcome.
        mutating func greet() async throws {
            guard case .hello = try await self.next()?.body else { throw POSIXFailure(number: EPROTO) }
            var welcome = SessionDouble.welcome()
            welcome.models = ["m"]
            welcome.server = "fake"
            try await self.send(0, .welcome(welcome))
        }
    }
}
