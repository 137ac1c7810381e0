// Fanout
// SPDX-License-Identifier: Apache-2.0

public import FanoutModel
internal import Synchronization

/// One answer, piece by piece.
///
/// A piece of kind ``FanoutModel/Delta/Kind/restart(_:_:)`` voids all before it. An answer that comes whole, for
/// example from a cache, is one piece. Dropping the stream, or cancelling the task that reads it, cancels the call.
public final class ChatStream: AsyncSequence, Sendable {
    /// A piece of the answer.
    public typealias Element = Delta
    /// Why it ends early.
    public typealias Failure = FanoutError

    private let batch: Batch
    private let final = Mutex<ItemResult?>(nil)

    init(_ batch: Batch) {
        self.batch = batch
    }

    /// The whole result with usage and trail; `nil` until the last piece was read.
    public var result: ItemResult? { self.final.withLock { $0 } }

    private func finish(_ result: ItemResult) { self.final.withLock { $0 = result } }

    /// Reads the pieces.
    public func makeAsyncIterator() -> Iterator {
        Iterator(stream: self)
    }

    /// Reads the pieces of an answer.
    public struct Iterator: AsyncIteratorProtocol {
        private let stream: ChatStream
        private var events: Batch.Iterator
        private var hasContent = false

        init(stream: ChatStream) {
            self.stream = stream
            self.events = stream.batch.makeAsyncIterator()
        }

        /// The next piece; `nil` = the answer is complete.
        /// - Throws: ``FanoutError``; with the item's own ``FanoutError/failure`` if the answer failed.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(FanoutError) -> Delta? {
            while let event = try await self.events.next(isolation: actor) {
                switch event {
                case .delta(_, _, let delta):
                    if case .restart = delta.kind { self.hasContent = false } else { self.hasContent = true }
                    return delta
                case .result(let result):
                    self.stream.finish(result)
                    let response = try result.response()
                    if !self.hasContent, !response.text.isEmpty {
                        self.hasContent = true
                        return Delta(.text(response.text))
                    }
                case .progress, .summary: continue
                case .refused(let error): throw error
                }
            }
            return nil
        }

        /// The next piece; `nil` = the answer is complete.
        /// - Throws: ``FanoutError``; with the item's own ``FanoutError/failure`` if the answer failed.
        public mutating func next() async throws(FanoutError) -> Delta? {
            try await self.next(isolation: #isolation)
        }
    }
}
