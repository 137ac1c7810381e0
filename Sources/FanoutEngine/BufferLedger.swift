// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The one bound on what the daemon holds in memory for its clients.
///
/// Decoded items, blobs, reorder buffers and unread output are charged here. Below half of the bound nothing happens;
/// above half new connections get small windows; above the bound new batches are refused.
package struct BufferLedger: Sendable {
    /// The bound in bytes.
    package let capacity: Int
    /// Bytes held now.
    package private(set) var held = 0

    /// Makes a ledger.
    package init(capacity: Int) {
        self.capacity = capacity
    }

    /// Whether new connections get small windows.
    package var isTight: Bool { self.held > self.capacity / 2 }

    /// Whether new batches are refused.
    package var isFull: Bool { self.held > self.capacity }

    /// Adds bytes that are now held.
    package mutating func charge(_ bytes: Int) {
        self.held += bytes
    }

    /// Takes away bytes that were charged.
    package mutating func release(_ bytes: Int) {
        self.held -= bytes
        precondition(self.held >= 0, "released \(-self.held) bytes that were never charged")
    }
}
