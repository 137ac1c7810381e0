// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// Takes a stream of server-sent events apart (WHATWG HTML, section 9.2.6), cut into pieces anyhow.
///
/// Bytes go in with ``append(_:)``; then ``next()`` is called until it says false, and after each true ``withData(_:)``
/// lends the event's data. The same bytes give the same events at any cut. Lines end in CR, LF or CRLF; comments, `id:`
/// and `retry:` are skipped; a byte-order mark at the start is too; an event without data is none.
package struct SSEParser: Sendable {
    /// The most bytes of one line, and of one event's data.
    package let eventBytesMax: Int
    /// What isn't consumed yet begins at `start`; up to `scanned` there is no line end.
    private var buffer: [UInt8] = []
    private var start = 0
    private var scanned = 0
    /// A CR ended a line at the buffer's end; an LF that follows belongs to it.
    private var skipsLineFeed = false
    private var isFirstLine = true
    /// The data of the event so far: one line's place in the buffer, or several lines joined.
    private var dataRange: Range<Int>?
    private var joined: [UInt8] = []
    private var hasJoined = false
    private var isDispatched = false
    private var name: [UInt8] = []

    package init(eventBytesMax: Int = 16 << 20) {
        self.eventBytesMax = eventBytesMax
    }

    /// The `event:` field of the event that ``next()`` found; empty = none.
    package var eventName: String { String(decoding: self.name, as: UTF8.self) }

    /// Whether it is that one.
    func isNamed(_ name: StaticString) -> Bool {
        self.name.count == name.utf8CodeUnitCount && name.withUTF8Buffer { self.name.elementsEqual($0) }
    }

    /// Takes the next bytes of the stream.
    package mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.compact()
        self.buffer.append(contentsOf: bytes)
    }

    /// Goes to the next complete event; false = more bytes are needed.
    /// - Throws: `invalidResponse` for a line or an event over the limit.
    package mutating func next() throws(Failure) -> Bool {
        if self.isDispatched { self.reset() }
        while let line = try self.nextLine() {
            if line.isEmpty {
                guard self.dataRange != nil || self.hasJoined else {
                    self.name.removeAll(keepingCapacity: true)
                    continue
                }
                self.isDispatched = true
                return true
            }
            try self.take(line)
        }
        return false
    }

    /// Takes the end of the stream for the end of a line and of an event, since some servers leave out the last empty
    /// line.
    package mutating func finish() throws(Failure) -> Bool {
        if self.isDispatched { self.reset() }
        if self.start < self.buffer.count {
            let line = self.start..<self.buffer.count
            self.start = self.buffer.count
            self.scanned = self.start
            try self.take(line)
        }
        self.isDispatched = self.dataRange != nil || self.hasJoined
        return self.isDispatched
    }

    /// Lends the data of the event that was found last.
    package func withData<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if self.hasJoined {
            return try self.joined.withUnsafeBufferPointer { (all) throws(Failure) -> Result in try body(all) }
        }
        let range = self.dataRange ?? 0..<0
        return try self.buffer.withUnsafeBufferPointer { (all) throws(Failure) -> Result in
            try body(UnsafeBufferPointer(rebasing: all[range]))
        }
    }

    private mutating func reset() {
        self.isDispatched = false
        self.dataRange = nil
        self.hasJoined = false
        self.joined.removeAll(keepingCapacity: true)
        self.name.removeAll(keepingCapacity: true)
    }

    /// Frees what was consumed; data that an unfinished event needs is moved out first.
    private mutating func compact() {
        if self.isDispatched { self.reset() }
        guard self.start > 0 else { return }
        if let range = self.dataRange {
            self.joined.append(contentsOf: self.buffer[range])
            self.hasJoined = true
            self.dataRange = nil
        }
        if self.start == self.buffer.count {
            self.buffer.removeAll(keepingCapacity: true)
        } else {
            self.buffer.removeSubrange(0..<self.start)
        }
        self.scanned -= self.start
        self.start = 0
    }

    /// The next whole line without its end, consumed.
    private mutating func nextLine() throws(Failure) -> Range<Int>? {
        if self.skipsLineFeed, self.start < self.buffer.count {
            self.skipsLineFeed = false
            if self.buffer[self.start] == 0x0A {
                self.start += 1
                self.scanned = max(self.scanned, self.start)
            }
        }
        guard let end = self.lineEnd() else {
            self.scanned = self.buffer.count
            guard self.buffer.count - self.start <= self.eventBytesMax else { throw self.tooLong() }
            return nil
        }
        var line = self.start..<end
        self.start = end + 1
        if self.buffer[end] == 0x0D {
            if self.start == self.buffer.count {
                self.skipsLineFeed = true
            } else if self.buffer[self.start] == 0x0A {
                self.start += 1
            }
        }
        self.scanned = self.start
        if self.isFirstLine {
            self.isFirstLine = false
            // A byte-order mark is no part of the first line.
            if line.count >= 3, self.buffer[line.lowerBound..<(line.lowerBound + 3)].elementsEqual([0xEF, 0xBB, 0xBF]) {
                line = (line.lowerBound + 3)..<line.upperBound
            }
        }
        return line
    }

    private func lineEnd() -> Int? {
        let from = self.scanned
        return self.buffer.withUnsafeBufferPointer { firstIndex(in: $0, from: from, of: 0x0A, or: 0x0D) }
    }

    /// Takes one line that isn't empty.
    private mutating func take(_ line: Range<Int>) throws(Failure) {
        guard let first = line.first, self.buffer[first] != UInt8(ascii: ":") else { return }
        let colon = self.buffer[line].prefix(6).firstIndex(of: UInt8(ascii: ":")) ?? line.upperBound
        var value = min(colon + 1, line.upperBound)..<line.upperBound
        if let space = value.first, self.buffer[space] == 0x20 { value = (space + 1)..<value.upperBound }
        if self.field(line.lowerBound..<colon, is: "data") {
            try self.takeData(value)
        } else if self.field(line.lowerBound..<colon, is: "event") {
            // A name is a word; what doesn't fit is another name than any known one.
            self.name = Array(self.buffer[value].prefix(64))
        }
    }

    private mutating func takeData(_ value: Range<Int>) throws(Failure) {
        if !self.hasJoined, self.dataRange == nil {
            self.dataRange = value
            return
        }
        if let first = self.dataRange {
            self.joined.append(contentsOf: self.buffer[first])
            self.dataRange = nil
        }
        self.hasJoined = true
        self.joined.append(0x0A)
        self.joined.append(contentsOf: self.buffer[value])
        guard self.joined.count <= self.eventBytesMax else { throw self.tooLong() }
    }

    private func field(_ range: Range<Int>, is name: StaticString) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count where self.buffer[range.lowerBound + offset] != name.utf8Start[offset] {
            return false
        }
        return true
    }

    private func tooLong() -> Failure {
        Failure(.invalidResponse, "an event of the provider's stream exceeds \(self.eventBytesMax) bytes")
    }
}
