// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutProviders

/// Reads the HTTP/1.1 answers of one connection, in pieces of any size.
///
/// Pull style: the caller keeps asking for the next event of a piece until it gets `nil`. What has no other meaning
/// than one is taken, and all else refused (RFC 9112): lines end in CRLF, names are tokens that a colon follows at
/// once, nothing is folded; a length is digits, said once, and never beside a transfer coding, which can only be
/// `chunked`. A peer and we can thus not disagree on where an answer ends.
///
/// It is lines until the body: a line that lies whole in a piece is read in place, another is gathered. Memory is
/// bounded by ``lineBytesMax``; the body is passed on, never kept.
///
/// After a throw the parser is spent, and so is the connection.
struct ResponseParser {
    /// What was read.
    enum Event {
        /// A head, see ``takeHead()``; interim ones (1xx) included, after which another head follows.
        case head
        /// A piece of the body: these bytes of what was given.
        case body(Range<Int>)
        /// The answer is whole.
        case end
    }

    private enum State {
        case statusLine
        case fields
        /// So many bytes of the body are left.
        case counted(Int)
        /// The body ends with the connection.
        case untilClose
        case chunkSize
        /// So many bytes of the chunk are left.
        case chunk(Int)
        /// The empty line behind a chunk.
        case chunkEnd
        case trailers
        /// The answer is whole: what follows belongs to nobody.
        case whole
    }

    /// Bytes of one line: of the status, a field, a chunk's size and extensions.
    static let lineBytesMax = 32 << 10
    /// Bytes of one head, or of the trailers.
    static let headBytesMax = 128 << 10
    /// Fields of one head, or of the trailers.
    static let fieldsMax = 128

    private var state = State.statusLine
    /// The beginning of a line whose end hasn't come.
    private var gathered: [UInt8] = []
    private var headBytes = 0
    private var fieldCount = 0
    private var head = ResponseHead()

    /// Expects the answer to a new request.
    mutating func begin() {
        self.state = .statusLine
        self.gathered.removeAll(keepingCapacity: true)
        self.resetHead()
    }

    /// Takes bytes from `offset` on and gives the next event; `nil` = they are used up, or the answer is whole.
    mutating func next(_ bytes: Span<UInt8>, from offset: inout Int) throws(ResponseFault) -> Event? {
        while true {
            switch self.state {
            case .statusLine, .fields, .chunkSize, .chunkEnd, .trailers:
                guard let line = Self.endOfLine(in: bytes, from: offset) else {
                    try self.gather(bytes.extracting(offset..<bytes.count))
                    offset = bytes.count
                    return nil
                }
                let piece = bytes.extracting(offset..<line)
                offset = line + 1
                if let event = try self.takeLine(endingIn: piece) { return event }
            case .counted(0), .chunk(0):
                if case .counted = self.state {
                    self.state = .whole
                    return .end
                }
                self.state = .chunkEnd
            case .counted(let left):
                guard let range = Self.range(of: left, in: bytes, from: &offset) else { return nil }
                self.state = .counted(left - range.count)
                return .body(range)
            case .chunk(let left):
                guard let range = Self.range(of: left, in: bytes, from: &offset) else { return nil }
                self.state = .chunk(left - range.count)
                return .body(range)
            case .untilClose:
                guard let range = Self.range(of: .max, in: bytes, from: &offset) else { return nil }
                return .body(range)
            case .whole:
                return nil
            }
        }
    }

    /// The peer has closed its side: `true` = that is the end of the answer.
    mutating func endsWithConnection() -> Bool {
        guard case .untilClose = self.state else { return false }
        self.state = .whole
        return true
    }

    private static func range(of count: Int, in bytes: Span<UInt8>, from offset: inout Int) -> Range<Int>? {
        guard offset < bytes.count else { return nil }
        let start = offset
        offset = min(bytes.count, count > bytes.count ? bytes.count : start + count)
        return start..<offset
    }

    // MARK: Lines

    /// The index of the next line feed.
    private static func endOfLine(in bytes: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\n") { return index }
            index += 1
        }
        return nil
    }

    private mutating func gather(_ piece: Span<UInt8>) throws(ResponseFault) {
        guard piece.count <= Self.lineBytesMax - self.gathered.count else { throw .lineTooLong }
        for index in piece.indices { self.gathered.append(piece[index]) }
        // Whoever doesn't speak HTTP may not send a line, either.
        if case .statusLine = self.state { try Self.checkBeginning(self.gathered.span) }
    }

    /// Takes the line whose last bytes before the line feed these are.
    private mutating func takeLine(endingIn piece: Span<UInt8>) throws(ResponseFault) -> Event? {
        if self.gathered.isEmpty { return try self.take(piece) }
        try self.gather(piece)
        var line: [UInt8] = []
        swap(&line, &self.gathered)
        defer {
            line.removeAll(keepingCapacity: true)
            swap(&line, &self.gathered)
        }
        return try self.take(line.span)
    }

    /// Takes a line with its carriage return and without its line feed.
    private mutating func take(_ terminated: Span<UInt8>) throws(ResponseFault) -> Event? {
        let count = terminated.count - 1
        guard count <= Self.lineBytesMax else { throw .lineTooLong }
        if case .statusLine = self.state { try Self.checkBeginning(terminated) }
        guard count >= 0, terminated[count] == UInt8(ascii: "\r") else { throw .lineEnd }
        let line = terminated.extracting(0..<count)
        switch self.state {
        case .statusLine:
            try self.takeStatus(line)
            self.state = .fields
        case .fields:
            guard line.isEmpty else {
                try self.takeField(line)
                return nil
            }
            try self.endHead()
            return .head
        case .chunkSize:
            try self.takeChunkSize(line)
        case .chunkEnd:
            guard line.isEmpty else { throw .chunk }
            self.state = .chunkSize
        case .trailers:
            guard line.isEmpty else {
                // Counted and checked like the head's, and dropped.
                _ = try self.field(in: line)
                return nil
            }
            self.state = .whole
            return .end
        case .counted, .untilClose, .chunk, .whole:
            preconditionFailure("a line was read where none is")
        }
        return nil
    }

    /// RFC 9112, 4: `HTTP/1.1 200 OK`; the words may be missing.
    private mutating func takeStatus(_ line: Span<UInt8>) throws(ResponseFault) {
        try self.countHead(line)
        guard line.count >= 12, line[8] == UInt8(ascii: " "), line.count == 12 || line[12] == UInt8(ascii: " ") else {
            throw .statusLine
        }
        guard line[7] == UInt8(ascii: "0") || line[7] == UInt8(ascii: "1") else { throw .version }
        self.head.isVersion10 = line[7] == UInt8(ascii: "0")
        var status: UInt16 = 0
        for index in 9..<12 {
            guard let digit = HTTPBytes.decimal(line[index]) else { throw .statusLine }
            status = status * 10 + UInt16(digit)
        }
        guard status >= 100 else { throw .statusLine }
        for index in 12..<line.count where !HTTPBytes.isText(line[index]) { throw .statusLine }
        self.head.answer.status = status
    }

    private static let beginning: StaticString = "HTTP/1."

    private static func checkBeginning(_ bytes: Span<UInt8>) throws(ResponseFault) {
        let word = Self.beginning
        guard HTTPBytes.isPrefix(bytes.extracting(0..<min(bytes.count, word.utf8CodeUnitCount)), of: word) else {
            throw .notHTTP
        }
    }

    private mutating func countHead(_ line: Span<UInt8>) throws(ResponseFault) {
        self.headBytes += line.count + 2
        guard self.headBytes <= Self.headBytesMax else { throw .headTooLarge }
    }

    // MARK: Fields

    /// Cuts a field line: where its name ends, and where its value is.
    ///
    /// RFC 9112, 5: no blank stands before the colon, which also refuses folded lines.
    private mutating func field(in line: Span<UInt8>) throws(ResponseFault) -> (name: Int, value: Range<Int>) {
        try self.countHead(line)
        self.fieldCount += 1
        guard self.fieldCount <= Self.fieldsMax else { throw .headTooLarge }
        var name = 0
        while name < line.count, HTTPBytes.isToken(line[name]) { name += 1 }
        guard name > 0, name < line.count, line[name] == UInt8(ascii: ":") else { throw .field }
        var start = name + 1
        while start < line.count, HTTPBytes.isBlank(line[start]) { start += 1 }
        var end = line.count
        while end > start, HTTPBytes.isBlank(line[end - 1]) { end -= 1 }
        for index in start..<end where !HTTPBytes.isText(line[index]) { throw .field }
        return (name, start..<end)
    }

    private mutating func takeField(_ line: Span<UInt8>) throws(ResponseFault) {
        let field = try self.field(in: line)
        try self.head.take(line.extracting(0..<field.name), line.extracting(field.value))
    }

    private mutating func resetHead() {
        self.headBytes = 0
        self.fieldCount = 0
        self.head = ResponseHead()
    }

    /// The empty line has come, so it is known where the body will end.
    private mutating func endHead() throws(ResponseFault) {
        self.headBytes = 0
        self.fieldCount = 0
        guard !self.head.isInterim else {
            self.state = .statusLine
            return
        }
        switch try self.head.framing() {
        case .none: self.state = .counted(0)
        case .length(let count): self.state = .counted(count)
        case .chunked: self.state = .chunkSize
        case .untilClose:
            self.head.keepsAlive = false
            self.state = .untilClose
        }
    }

    /// The head that has just ended; to be taken once, before anything more is read.
    mutating func takeHead() -> ResponseHead {
        var head = ResponseHead()
        swap(&head, &self.head)
        return head
    }

    /// RFC 9112, 7.1: hexadecimal digits, then perhaps extensions, which mean nothing to us.
    private mutating func takeChunkSize(_ line: Span<UInt8>) throws(ResponseFault) {
        var size = 0
        var index = 0
        while index < line.count, let digit = HTTPBytes.hexadecimal(line[index]) {
            // Fifteen digits can't overflow.
            guard index < 15 else { throw .chunk }
            size = size << 4 | Int(digit)
            index += 1
        }
        guard index > 0, index == line.count || line[index] == UInt8(ascii: ";") else { throw .chunk }
        for index in index..<line.count where !HTTPBytes.isText(line[index]) { throw .chunk }
        self.state = size == 0 ? .trailers : .chunk(size)
    }
}
