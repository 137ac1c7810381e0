// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

/// Reads a file's lines ahead of the batch, on a thread of its own: a read of a pipe may wait for hours.
actor BatchInput {
    private let descriptor: Descriptor
    private let executor: BlockingExecutor
    private var splitter = LineSplitter()
    private var hasEnded = false

    /// Bytes of one read.
    private static let chunkBytes = 256 << 10

    init(_ descriptor: Descriptor) {
        self.descriptor = descriptor
        self.executor = BlockingExecutor(label: "fanout.input")
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }

    /// The next lines; `nil` = the end of the file, or the task is cancelled.
    func next() throws -> [LineSplitter.Line]? {
        while !self.hasEnded {
            // A cancelled task is seen between two waits.
            guard !Task.isCancelled else { return nil }
            guard self.descriptor.isReadable(milliseconds: 200) else { continue }
            let bytes = try self.descriptor.read(Self.chunkBytes)
            self.hasEnded = bytes.isEmpty
            let lines = bytes.isEmpty ? self.splitter.finish() : self.splitter.feed(bytes[...])
            if !lines.isEmpty { return lines }
        }
        return nil
    }
}

/// Runs an actor whose work blocks, away from the threads that everything else shares.
final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) {
        self.queue = DispatchQueue(label: label)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = self.asUnownedSerialExecutor()
        self.queue.async { job.runSynchronously(on: executor) }
    }

    func checkIsolated() { dispatchPrecondition(condition: .onQueue(self.queue)) }
}
