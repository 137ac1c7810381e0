// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Synchronization

/// What SIGINT does while a batch runs: the first one ends it in order, the second one ends the process.
final class Interrupt: Sendable {
    private let count = Mutex(0)

    /// The shell's exit status for a program that SIGINT ended.
    static let exitStatus: Int32 = 130

    /// Whether it came.
    var hasCome: Bool { self.count.withLock { $0 > 0 } }

    /// Calls `first` at the first SIGINT, for as long as the result is kept.
    func watch(_ first: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
        signal(SIGINT, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler {
            let number = self.count.withLock { count in
                count += 1
                return count
            }
            if number == 1 { first() } else { _exit(Self.exitStatus) }
        }
        source.resume()
        return source
    }
}
