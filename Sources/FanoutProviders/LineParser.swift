// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// Takes a stream apart that has one JSON text a line, cut into pieces anyhow.
///
/// It is used as ``SSEParser`` is: bytes go in with ``append(_:)``, then ``next()`` is called until it says false, and
/// after each true ``withData(_:)`` lends the line. Empty lines are skipped.
package struct LineParser: Sendable {
    /// The most bytes of one line.
    package let lineBytesMax: Int
    /// What isn't consumed yet begins at `start`; up to `scanned` there is no line end.
    private var buffer: [UInt8] = []
    private var start = 0
    private var scanned = 0
    private var line = 0..<0

    package init(lineBytesMax: Int = 16 << 20) {
        self.lineBytesMax = lineBytesMax
    }

    /// Takes the next bytes of the stream.
    package mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        if self.start == self.buffer.count {
            self.buffer.removeAll(keepingCapacity: true)
        } else if self.start > 0 {
            self.buffer.removeSubrange(0..<self.start)
        }
        self.scanned -= self.start
        self.start = 0
        self.buffer.append(contentsOf: bytes)
    }

    /// Goes to the next complete line; false = more bytes are needed.
    /// - Throws: `invalidResponse` for a line over the limit.
    package mutating func next() throws(Failure) -> Bool {
        while let end = self.lineEnd() {
            self.line = self.start..<end
            self.start = end + 1
            self.scanned = self.start
            if try self.isContent() { return true }
        }
        self.scanned = self.buffer.count
        guard self.buffer.count - self.start <= self.lineBytesMax else { throw self.tooLong() }
        return false
    }

    /// Takes the end of the stream for the end of a line.
    package mutating func finish() throws(Failure) -> Bool {
        self.line = self.start..<self.buffer.count
        self.start = self.buffer.count
        self.scanned = self.start
        return try self.isContent()
    }

    /// Lends the line that was found last.
    package func withData<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try self.buffer.withUnsafeBufferPointer { (all) throws(Failure) -> Result in
            try body(UnsafeBufferPointer(rebasing: all[self.line]))
        }
    }

    private func isContent() throws(Failure) -> Bool {
        guard self.line.count <= self.lineBytesMax else { throw self.tooLong() }
        return self.buffer[self.line].contains { $0 > 0x20 }
    }

    private func lineEnd() -> Int? {
        let from = self.scanned
        return self.buffer.withUnsafeBufferPointer { firstIndex(in: $0, from: from, of: 0x0A, or: 0x0A) }
    }

    private func tooLong() -> Failure {
        Failure(.invalidResponse, "a line of the provider's stream exceeds \(self.lineBytesMax) bytes")
    }
}
