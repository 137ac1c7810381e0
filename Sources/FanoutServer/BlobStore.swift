// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Crypto
package import FanoutModel

/// The large payloads of one connection, put together from their chunks and named by items.
///
/// Bounded by `capacity`, charged by the size that the first chunk announces. An unfinished blob is dropped after 60 s
/// without a chunk.
package struct BlobStore {
    private struct Entry {
        var bytes: [UInt8]
        var total: Int
        var isComplete: Bool
        var lastChunk: Instant
        /// Items that may still end before it is freed; nil = they aren't counted.
        var usesLeft: UInt32?
    }

    private var entries: [UInt64: Entry] = [:]
    private let capacity: Int
    private let chunkBytesMax: Int
    /// Bytes announced by all blobs.
    package private(set) var held = 0

    /// Until an unfinished blob is dropped.
    package static let idleMilliseconds: UInt64 = 60_000
    /// Blobs of one connection at a time.
    package static let countMax = 1_000

    /// Makes an empty store.
    package init(capacity: Int, chunkBytesMax: Int) {
        self.capacity = capacity
        self.chunkBytesMax = chunkBytesMax
    }

    /// Takes a chunk.
    ///
    /// The blob is dropped if the chunk is wrong.
    package mutating func append(
        id: UInt64,
        offset: UInt64,
        total: UInt64,
        data: [UInt8],
        sha256: [UInt8],
        uses: UInt32 = 0,
        now: Instant
    ) throws(Failure) {
        do {
            try self.take(id: id, offset: offset, total: total, data: data, sha256: sha256, uses: uses, now: now)
        } catch {
            self.remove(id)
            throw error
        }
    }

    private mutating func take(
        id: UInt64,
        offset: UInt64,
        total: UInt64,
        data: [UInt8],
        sha256: [UInt8],
        uses: UInt32,
        now: Instant
    ) throws(Failure) {
        guard data.count <= self.chunkBytesMax else {
            throw Failure(.tooLarge, "a chunk of \(data.count) bytes exceeds \(self.chunkBytesMax)", param: "data")
        }
        if self.entries[id] == nil {
            guard total > 0, total <= UInt64(self.capacity - self.held), self.entries.count < Self.countMax else {
                throw Failure(
                    .tooLarge,
                    "a blob of \(total) bytes doesn't fit beside \(self.held) of \(self.capacity) bytes in \(self.entries.count) blobs: finish batches that use them first",
                    param: "total"
                )
            }
            self.entries[id] = Entry(
                bytes: [],
                total: Int(total),
                isComplete: false,
                lastChunk: now,
                usesLeft: uses == 0 ? nil : uses
            )
            self.held += Int(total)
        }
        guard var entry = self.entries.removeValue(forKey: id) else { return }
        defer { self.entries[id] = entry }
        guard !entry.isComplete else { throw Failure(.invalidRequest, "blob \(id) is complete: ids are never reused") }
        guard total == UInt64(entry.total) else {
            throw Failure(.invalidRequest, "blob \(id) has \(entry.total) bytes by its first chunk", param: "total")
        }
        guard offset == UInt64(entry.bytes.count), !data.isEmpty, data.count <= entry.total - entry.bytes.count else {
            throw Failure(
                .invalidRequest,
                "blob \(id) goes on at offset \(entry.bytes.count) with at most \(entry.total - entry.bytes.count) bytes",
                param: "offset"
            )
        }
        entry.bytes.append(contentsOf: data)
        entry.lastChunk = now
        guard entry.bytes.count == entry.total else { return }
        if !sha256.isEmpty {
            guard Array(SHA256.hash(data: entry.bytes)) == sha256 else {
                throw Failure(.invalidRequest, "blob \(id) isn't what its SHA-256 says: send it again", param: "sha256")
            }
        }
        entry.isComplete = true
    }

    /// The bytes of a complete blob.
    package func bytes(of id: UInt64) -> [UInt8]? {
        guard let entry = self.entries[id], entry.isComplete else { return nil }
        return entry.bytes
    }

    /// An item that named a blob is final: the blob goes with the last of its uses.
    package mutating func used(_ id: UInt64) {
        guard let left = self.entries[id]?.usesLeft else { return }
        if left == 1 { self.remove(id) } else { self.entries[id]?.usesLeft = left - 1 }
    }

    /// A batch that named a blob is over: the blob goes with it, unless its uses are counted.
    package mutating func batchEnded(_ id: UInt64) {
        guard self.entries[id]?.usesLeft == nil else { return }
        self.remove(id)
    }

    /// Frees a blob; unknown is no fault.
    package mutating func remove(_ id: UInt64) {
        guard let entry = self.entries.removeValue(forKey: id) else { return }
        self.held -= entry.total
    }

    /// Drops unfinished blobs that got no chunk for too long.
    package mutating func dropIdle(now: Instant) {
        let stale = self.entries.filter { entry in
            !entry.value.isComplete && now >= entry.value.lastChunk.adding(milliseconds: Self.idleMilliseconds)
        }
        for id in stale.keys { self.remove(id) }
    }
}
