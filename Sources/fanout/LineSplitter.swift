// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Cuts bytes into lines, which may come in any pieces.
///
/// Lines end in LF or CR LF; blank ones are counted and left out, and a byte order mark is dropped. A line over the
/// limit is reported by its number, and its bytes are thrown away as they come.
struct LineSplitter {
    /// A line that isn't blank.
    enum Line: Hashable {
        case text(number: Int, [UInt8])
        case tooLong(number: Int)
    }

    /// The most bytes of a line.
    let bytesMax: Int
    private var rest: [UInt8] = []
    private var isTooLong = false
    private var number = 1

    init(bytesMax: Int = 16 << 20) {
        self.bytesMax = bytesMax
    }

    /// Takes bytes and gives the lines that they complete.
    mutating func feed(_ bytes: ArraySlice<UInt8>) -> [Line] {
        var lines: [Line] = []
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            self.gather(bytes[start..<end])
            self.end(&lines)
            start = end + 1
        }
        self.gather(bytes[start...])
        return lines
    }

    /// The last line, if the input didn't end in a line feed.
    mutating func finish() -> [Line] {
        var lines: [Line] = []
        if !self.rest.isEmpty || self.isTooLong { self.end(&lines) }
        return lines
    }

    private mutating func gather(_ bytes: ArraySlice<UInt8>) {
        guard !self.isTooLong else { return }
        guard bytes.count <= self.bytesMax - self.rest.count else {
            self.isTooLong = true
            self.rest = []
            return
        }
        self.rest.append(contentsOf: bytes)
    }

    private mutating func end(_ lines: inout [Line]) {
        defer {
            self.number += 1
            self.rest.removeAll(keepingCapacity: self.rest.count < 64 << 10)
            self.isTooLong = false
        }
        if self.isTooLong { return lines.append(.tooLong(number: self.number)) }
        if self.rest.last == UInt8(ascii: "\r") { self.rest.removeLast() }
        if self.number == 1, self.rest.starts(with: [0xEF, 0xBB, 0xBF]) { self.rest.removeFirst(3) }
        guard self.rest.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { return }
        lines.append(.text(number: self.number, self.rest))
    }
}
