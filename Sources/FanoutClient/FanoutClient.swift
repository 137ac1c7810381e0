// Fanout
// SPDX-License-Identifier: Apache-2.0

public import FanoutModel
internal import FanoutWire

/// A connection to the Fanout daemon of this machine.
///
/// One connection carries any number of batches and calls at once, from any task. A reader of one batch that is slow
/// holds that batch back, and the others go on.
///
///     try await withFanoutClient { client in
///         let answer = try await client.chat("gpt-4o-mini", [Message(role: .user, text: "Why is the sky blue?")])
///         print(answer.text)
///     }
public final class FanoutClient: Sendable {
    let connection: ClientConnection
    /// The model groups that this caller may use, as the daemon said at the start.
    public let models: [String]
    /// The daemon's version.
    public let daemonVersion: String
    /// The name under which the daemon counts this caller's work.
    public let tenant: String
    /// This connection's number at the daemon, as its logs and ``explain(item:ofBatch:session:)`` have it.
    public let session: UInt64

    private init(connection: ClientConnection) {
        self.connection = connection
        let welcome = connection.update { $0.welcome }
        self.models = welcome?.models ?? []
        self.daemonVersion = welcome?.server ?? ""
        self.tenant = welcome?.tenant ?? ""
        self.session = welcome?.sessionID ?? 0
    }

    deinit {
        self.connection.update { $0.close(FanoutError(.cancelled, "the client was dropped")) }
    }

    /// Connects to the daemon.
    /// - Parameters:
    ///   - socketPath: The daemon's socket; `nil` = `FANOUT_SOCKET`, else `$XDG_RUNTIME_DIR/fanout.sock` if it exists,
    ///     else `/run/fanout/fanout.sock`.
    ///   - name: What the daemon's logs and status call this program.
    ///   - timeout: How long to wait for the daemon's greeting.
    /// - Returns: A client, to be closed by ``close()``.
    /// - Throws: ``FanoutError`` with UNREACHABLE, TIMEOUT, UNSUPPORTED_VERSION or what the daemon refused with.
    public static func connect(
        socketPath: String? = nil,
        name: String = "fanout-swift",
        timeout: Duration = .seconds(10)
    ) async throws(FanoutError) -> FanoutClient {
        let path = SocketPath.resolve(socketPath)
        return FanoutClient(connection: try await Connector(path: path, name: name, timeout: timeout).connect())
    }

    /// Closes the connection.
    ///
    /// Batches under way are cancelled and fail.
    public func close() async {
        await self.connection.close()
    }

    /// Starts a batch.
    /// - Parameters:
    ///   - items: What is asked; item n has index n.
    ///   - options: How it is run. Its `initialCredit` is how many results may be under way to the reader; 0 = 256.
    ///   - defaults: A request that is merged under every item: its messages come first, its parameters fill the gaps.
    ///   - open: More items follow by ``Batch/append(_:last:)``.
    /// - Returns: The batch, an asynchronous sequence of events.
    /// - Throws: ``FanoutError`` if the connection is closed or the daemon drains. Refusals come from the sequence.
    public func batch(
        _ items: [Item],
        options: BatchOptions = BatchOptions(),
        defaults: Request? = nil,
        open: Bool = false
    ) throws(FanoutError) -> Batch {
        let entries = items.map { BatchEntry.item($0) }
        let id = try self.connection.attempt { (session) throws(FanoutError) in
            try session.begin(entries, options: options, defaults: defaults, isOpen: open)
        }
        return Batch(id: id, connection: self.connection)
    }
}

/// Connects to the daemon, lends the client to `body`, and closes it.
/// - Parameters:
///   - socketPath: The daemon's socket; `nil` = as ``FanoutClient/connect(socketPath:name:timeout:)`` says.
///   - name: What the daemon's logs and status call this program.
///   - body: What is done with the client.
/// - Returns: What `body` gives.
/// - Throws: What connecting or `body` throws.
public func withFanoutClient<Value>(
    socketPath: String? = nil,
    name: String = "fanout-swift",
    _ body: (FanoutClient) async throws -> Value
) async throws -> Value {
    let client = try await FanoutClient.connect(socketPath: socketPath, name: name)
    do {
        let value = try await body(client)
        await client.close()
        return value
    } catch {
        await client.close()
        throw error
    }
}
