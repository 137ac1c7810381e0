// Fanout
// SPDX-License-Identifier: Apache-2.0

import Crypto
import FanoutModel
import FanoutServer
import Testing

@Suite struct BlobStoreTests {
    let now = Instant(nanoseconds: 1_000_000_000)

    func put(
        _ store: inout BlobStore,
        _ id: UInt64 = 1,
        at offset: UInt64,
        of total: UInt64,
        _ data: [UInt8],
        sha256: [UInt8] = []
    ) -> FailureCode? {
        do {
            try store.append(id: id, offset: offset, total: total, data: data, sha256: sha256, now: self.now)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `chunks in order make a blob`() {
        var store = BlobStore(capacity: 100, chunkBytesMax: 10)
        let hash = Array(SHA256.hash(data: [1, 2, 3, 4] as [UInt8]))
        #expect(self.put(&store, at: 0, of: 4, [1, 2]) == nil)
        #expect(store.bytes(of: 1) == nil)
        #expect(self.put(&store, at: 2, of: 4, [3, 4], sha256: hash) == nil)
        #expect(store.bytes(of: 1) == [1, 2, 3, 4])
        store.remove(1)
        #expect(store.held == 0)
    }

    @Test(arguments: [
        (UInt64(3), UInt64(4), [UInt8](repeating: 3, count: 1), [UInt8]()),
        (1, 4, [3], []),
        (2, 5, [3], []),
        (2, 4, [3, 4, 5], []),
        (2, 4, [], []),
        (2, 4, [3, 4], [0, 0]),
    ])
    func `a wrong chunk drops the blob`(offset: UInt64, total: UInt64, data: [UInt8], hash: [UInt8]) {
        var store = BlobStore(capacity: 100, chunkBytesMax: 10)
        #expect(self.put(&store, at: 0, of: 4, [1, 2]) == nil)
        #expect(self.put(&store, at: offset, of: total, data, sha256: hash) == .invalidRequest)
        #expect(store.held == 0)
    }

    @Test func `the announced sizes are bounded before a byte is kept`() {
        var store = BlobStore(capacity: 100, chunkBytesMax: 10)
        #expect(self.put(&store, 1, at: 0, of: 60, [1]) == nil)
        #expect(self.put(&store, 2, at: 0, of: 60, [1]) == .tooLarge)
        #expect(self.put(&store, 3, at: 0, of: .max, [1]) == .tooLarge)
        #expect(self.put(&store, 4, at: 0, of: 20, [UInt8](repeating: 0, count: 11)) == .tooLarge)
        #expect(store.held == 60)
    }

    @Test func `the number of blobs is bounded`() {
        var store = BlobStore(capacity: 1 << 20, chunkBytesMax: 10)
        for id in 0..<UInt64(BlobStore.countMax) { #expect(self.put(&store, id, at: 0, of: 2, [1]) == nil) }
        #expect(self.put(&store, 9_999, at: 0, of: 2, [1]) == .tooLarge)
    }

    @Test func `an unfinished blob is dropped after a minute, a finished one is kept`() {
        var store = BlobStore(capacity: 100, chunkBytesMax: 10)
        #expect(self.put(&store, 1, at: 0, of: 2, [1]) == nil)
        #expect(self.put(&store, 2, at: 0, of: 2, [1, 2]) == nil)
        store.dropIdle(now: self.now.adding(milliseconds: BlobStore.idleMilliseconds - 1))
        #expect(store.held == 4)
        store.dropIdle(now: self.now.adding(milliseconds: BlobStore.idleMilliseconds))
        #expect(store.held == 2)
    }
}
