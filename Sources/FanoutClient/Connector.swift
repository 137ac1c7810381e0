// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Opens the connection to the daemon.
struct Connector {
    /// The socket's path.
    var path: String
    /// What the daemon's logs call this program.
    var name: String
    /// Until Welcome must have come.
    var timeout: Duration

    /// Waits between attempts while the daemon's queue of connections is full: 1, 2, 4, … 100 ms.
    static func pause(beforeRetry number: Int) -> Duration {
        .milliseconds(min(1 << min(number, 7), 100))
    }

    /// Connects and says Hello; returns when Welcome has come.
    func connect() async throws(FanoutError) -> ClientConnection {
        guard self.path.utf8.count <= SocketPath.bytesMax else {
            let words = "the socket path \(self.path) is longer than \(SocketPath.bytesMax) bytes: use a shorter one"
            throw FanoutError(.invalidRequest, words, notStarted: true)
        }
        let connection = try await self.open()
        let alarm = connection.closeLater(after: self.timeout, FanoutError(.timeout, self.silence, notStarted: true))
        defer { alarm.cancel() }
        do throws(FanoutError) {
            let failure = try await connection.wait(for: .welcome) { session -> FanoutError?? in
                switch session.state {
                case .greeting: nil
                case .ready, .draining: .some(nil)
                case .closed(let error): .some(error)
                }
            }
            if let failure { throw failure }
        } catch {
            await connection.close()
            throw error
        }
        return connection
    }

    private var silence: String {
        "whatever listens at \(self.path) said no Welcome within \(self.timeout): is it fanoutd?"
    }

    private func open() async throws(FanoutError) -> ClientConnection {
        let clock = ContinuousClock()
        let end = clock.now + self.timeout
        var retries = 0
        while true {
            do {
                return try await self.openOnce()
            } catch let error as IOError where error.errnoCode == EAGAIN && clock.now < end {
                // The listener's queue is full: connect(2) says EAGAIN for a Unix socket and doesn't wait.
                do {
                    try await Task.sleep(for: Self.pause(beforeRetry: retries))
                } catch {
                    throw .taskCancelled
                }
                retries += 1
            } catch {
                throw self.explained(error)
            }
        }
    }

    private func openOnce() async throws -> ClientConnection {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(unixDomainSocketPath: self.path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = ClientConnection(channel: channel, client: self.name)
                    try channel.pipeline.syncOperations.addHandler(ConnectionHandler(connection))
                    return connection
                }
            }
    }

    private func explained(_ error: any Error) -> FanoutError {
        let remedy =
            switch (error as? IOError)?.errnoCode {
            case ENOENT: "there is no socket: start fanoutd, or name its socket by FANOUT_SOCKET"
            case ECONNREFUSED: "nobody listens there: fanoutd has ended without removing its socket; start it"
            case EACCES, EPERM: "permission denied: join the group that owns the socket"
            case ENOTSOCK: "that is no socket"
            case EAGAIN: "its queue of connections stays full: try again later"
            default: "\(error)"
            }
        return FanoutError(.unreachable, "can't connect to \(self.path): \(remedy)", notStarted: true)
    }
}
