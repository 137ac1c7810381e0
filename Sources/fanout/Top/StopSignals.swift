// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Synchronization

/// Signals that ask to end, kept in place of ending the process, so that it can tidy up.
final class StopSignals {
    private final class Flag: Sendable {
        let first = Mutex<CInt?>(nil)
    }

    private let flag = Flag()
    private var sources: [any DispatchSourceSignal] = []

    /// The first that came; `nil` = none.
    var first: CInt? { self.flag.first.withLock { $0 } }

    /// Keeps these from now on.
    init(_ signals: [CInt]) {
        for number in signals {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            let flag = self.flag
            source.setEventHandler { flag.first.withLock { $0 = $0 ?? number } }
            source.resume()
            self.sources.append(source)
        }
    }

    /// Lets go of them; a further signal is still ignored.
    func end() {
        for source in self.sources { source.cancel() }
        self.sources = []
    }
}
