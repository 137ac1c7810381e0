// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutClient
internal import FanoutModel
internal import Glibc

/// `fanout top`: the daemon's status, live.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch the daemon, its deployments and who is connected, live; q quits."
    )

    @Option(name: .long, help: ArgumentHelp("Between two looks.", valueName: "seconds"))
    var interval: Double = 1

    @OptionGroup var client: ClientOptions

    func validate() throws {
        guard (0.1...3_600).contains(self.interval) else {
            throw ValidationError("--interval must be from 0.1 to 3600 seconds")
        }
    }

    func run() async throws {
        guard let terminal = Terminal() else {
            throw CommandError("top needs a terminal: take `fanout status` in a pipe or a script")
        }
        let stop = StopSignals([SIGINT, SIGTERM, SIGHUP, SIGQUIT])
        defer { stop.end() }
        try await terminal.begin()
        do {
            try await self.watch(terminal, stop)
        } catch {
            await terminal.end()
            throw error
        }
        await terminal.end()
        if let signal = stop.first { throw ExitCode(128 + signal) }
    }

    /// How often the keyboard and the window's size are looked at, in milliseconds.
    private static let glance: CInt = 50

    private func watch(_ terminal: Terminal, _ stop: StopSignals) async throws {
        let clock = ContinuousClock()
        var screen = TopScreen()
        var link: FanoutClient?
        var asked: ContinuousClock.Instant?
        var shown: (width: Int, height: Int)?
        while stop.first == nil {
            let now = clock.now
            if asked.map({ now - $0 >= .seconds(self.interval) }) ?? true {
                link = await self.look(link, &screen, elapsed: asked.map { now - $0 } ?? .zero)
                asked = now
                shown = nil
            }
            let size = await terminal.size
            if shown.map({ $0 != size }) ?? true {
                try await terminal.show(screen.lines(width: size.width, height: size.height))
                shown = size
            }
            switch try await terminal.key(milliseconds: Self.glance) {
            case .quit, .hangup:
                await link?.close()
                return
            case .other, nil: break
            }
        }
        await link?.close()
    }

    /// Asks the daemon, over a new connection if there is none, and gives the connection for the next time.
    private func look(_ link: FanoutClient?, _ screen: inout TopScreen, elapsed: Duration) async -> FanoutClient? {
        do throws(FanoutError) {
            let client: FanoutClient
            if let link { client = link } else { client = try await self.client.connect() }
            let status = try await client.status(peers: true)
            let milliseconds = UInt64(max(0, elapsed / .milliseconds(1)))
            screen.update(status, elapsedMilliseconds: milliseconds)
            return client
        } catch {
            screen.fail(error.message)
            await link?.close()
            return nil
        }
    }
}
