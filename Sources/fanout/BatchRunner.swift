// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import FanoutModel

/// Fills an open batch from a file while its events are read, in bounded memory: the file is read no faster than the
/// daemon takes items, and the daemon sends results no faster than they are written.
struct BatchRunner {
    let batch: Batch
    let input: BatchInput

    /// Items that are put in at once.
    private static let sliceItems = 256

    /// Runs the batch to its end; `take` is given events as they come.
    func run(_ take: ([BatchEvent]) throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.fill() }
            do {
                while let events = try await self.batch.nextEvents() { try take(events) }
            } catch {
                self.batch.cancel()
                group.cancelAll()
                throw error
            }
            // A batch that was cancelled or failed fast ends before its file does.
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func fill() async throws {
        do {
            while let lines = try await self.input.next() {
                var start = 0
                while start < lines.count {
                    let end = min(start + Self.sliceItems, lines.count)
                    try await self.batch.append(entries: lines[start..<end].map(BatchLine.entry), last: false)
                    start = end
                }
            }
            try await self.batch.append(entries: [], last: true)
        } catch is FanoutError {
            // The batch or the connection is over, and the reader of its events says why.
            return
        } catch {
            self.batch.cancel()
            throw error
        }
    }
}
