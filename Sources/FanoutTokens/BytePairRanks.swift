// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The tokens of a byte-pair vocabulary and their ranks: the lower, the earlier a pair is merged.
///
/// Read from a file in tiktoken's format: a line for each token, its bytes in base64, a space, its rank.
///
/// A token is known by its hash of 64 bits alone, so that looking it up touches one place in memory and not three. That
/// two are taken for one happens once in 10^13 lookups, and then a count is off by one.
package struct BytePairRanks: Sendable, Hashable {
    /// The most tokens of a file; one less than fit, so that no entry looks empty.
    package static let tokensMax = (1 << 20) - 1
    /// The most bytes of a file.
    package static let fileBytesMax = 32 << 20
    /// The most bytes of a token.
    package static let tokenBytesMax = 1_024

    /// How many tokens there are.
    package private(set) var count = 0
    /// By the lower bits of the hash, open addressing: the upper 44 bits of the hash and the rank; `empty` = none.
    private var table: [UInt64] = []
    private var mask = 0
    /// Ranks of tokens of two bytes, by their value: merging begins with them.
    private var pairs: [UInt32] = []

    private static let empty = UInt64.max
    private static let rankBits: UInt64 = (1 << 20) - 1

    /// No such token.
    static let none = UInt32.max

    /// Why a file isn't one.
    package struct Fault: Error, Sendable, Hashable, CustomStringConvertible {
        /// 0 = the file as a whole.
        package var line: Int
        package var reason: String

        package var description: String {
            self.line == 0 ? self.reason : "line \(self.line): \(self.reason)"
        }
    }

    /// Reads a rank file.
    ///
    /// - Throws: Why it is not a whole rank file. Ranks have to be dense and each single byte a token, so that a file
    ///   that was cut off or is something else is found out; one that was cut between two lines isn't, and counts a
    ///   little too much.
    package init(tiktoken file: [UInt8]) throws(Fault) {
        guard file.count <= Self.fileBytesMax else {
            throw Fault(line: 0, reason: "it has more than \(Self.fileBytesMax >> 20) MiB")
        }
        var lines: [(start: Int, count: Int)] = []
        var decoded: [UInt8] = []
        decoded.reserveCapacity(file.count * 2 / 3)
        var position = 0
        var number = 0
        while position < file.count {
            number += 1
            let end = file[position...].firstIndex(of: UInt8(ascii: "\n")) ?? file.count
            var line = file[position..<end]
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            position = end + 1
            guard !line.isEmpty else { continue }
            let start = decoded.count
            let rank = try Self.read(line, number: number, into: &decoded)
            guard decoded.count > start, decoded.count - start <= Self.tokenBytesMax else {
                throw Fault(line: number, reason: "a token has from 1 to \(Self.tokenBytesMax) bytes")
            }
            while lines.count <= rank { lines.append((0, 0)) }
            guard lines[rank].count == 0 else {
                throw Fault(line: number, reason: "rank \(rank) comes a second time")
            }
            lines[rank] = (start, decoded.count - start)
        }
        try self.adopt(lines, decoded)
    }

    private mutating func adopt(_ lines: [(start: Int, count: Int)], _ decoded: [UInt8]) throws(Fault) {
        if let missing = lines.firstIndex(where: { $0.count == 0 }) {
            throw Fault(line: 0, reason: "rank \(missing) is missing: the file is not whole")
        }
        self.count = lines.count
        var size = 512
        while size < lines.count * 2 { size *= 2 }
        self.mask = size - 1
        self.table = Array(repeating: Self.empty, count: size)
        self.pairs = Array(repeating: Self.none, count: 1 << 16)
        for (rank, line) in lines.enumerated() {
            try decoded[line.start..<line.start + line.count].withUnsafeBufferPointer { (token) throws(Fault) in
                try self.insert(token, UInt32(rank))
            }
        }
        for byte in UInt8.min...UInt8.max where self.rank(of: [byte]) == Self.none {
            throw Fault(line: 0, reason: "no token is the byte \(byte): it is no byte-pair rank file, or not whole")
        }
    }

    private mutating func insert(_ token: UnsafeBufferPointer<UInt8>, _ rank: UInt32) throws(Fault) {
        let other = self.rank(of: token)
        guard other == Self.none else {
            throw Fault(line: 0, reason: "ranks \(other) and \(rank) are the same token")
        }
        if token.count == 2 { self.pairs[Int(token[0]) << 8 | Int(token[1])] = rank }
        let hash = Self.hash(token)
        var slot = Int(truncatingIfNeeded: hash) & self.mask
        while self.table[slot] != Self.empty { slot = (slot + 1) & self.mask }
        self.table[slot] = hash & ~Self.rankBits | UInt64(rank)
    }

    /// Reads `BASE64 RANK`.
    private static func read(_ line: ArraySlice<UInt8>, number: Int, into bytes: inout [UInt8]) throws(Fault) -> Int {
        guard let space = line.firstIndex(of: UInt8(ascii: " ")) else {
            throw Fault(line: number, reason: "it isn't BASE64, a space and a rank")
        }
        guard Self.decode(line[..<space], into: &bytes) else {
            throw Fault(line: number, reason: "its first word isn't base64")
        }
        var rank = 0
        let digits = line[(space + 1)...]
        for digit in digits {
            guard digit >= 0x30, digit <= 0x39 else { throw Fault(line: number, reason: "its rank isn't a number") }
            rank = rank * 10 + Int(digit - 0x30)
            guard rank < Self.tokensMax else {
                throw Fault(line: number, reason: "its rank is not below \(Self.tokensMax)")
            }
        }
        guard !digits.isEmpty else { throw Fault(line: number, reason: "its rank is missing") }
        return rank
    }

    /// Standard base64 with padding; false = it isn't.
    private static func decode(_ text: ArraySlice<UInt8>, into bytes: inout [UInt8]) -> Bool {
        guard text.count % 4 == 0, !text.isEmpty else { return false }
        let digits = text.prefix { $0 != UInt8(ascii: "=") }
        let padding = text.count - digits.count
        guard padding <= 2, text.suffix(padding).allSatisfy({ $0 == UInt8(ascii: "=") }) else { return false }
        var bits: UInt32 = 0
        var held = 0
        for digit in digits {
            let value: UInt8
            switch digit {
            case 0x41...0x5A: value = digit - 0x41
            case 0x61...0x7A: value = digit - 0x61 + 26
            case 0x30...0x39: value = digit - 0x30 + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return false
            }
            bits = bits << 6 | UInt32(value)
            held += 6
            if held >= 8 {
                held -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
            }
        }
        return true
    }

    // MARK: Looking up

    /// The rank of a token; ``none`` if it is none.
    func rank(of token: [UInt8]) -> UInt32 {
        token.withUnsafeBufferPointer { self.rank(of: $0) }
    }

    /// The rank of a token; ``none`` if it is none.
    func rank(of token: UnsafeBufferPointer<UInt8>) -> UInt32 {
        let hash = Self.hash(token)
        var slot = Int(truncatingIfNeeded: hash) & self.mask
        while true {
            let entry = self.table[slot]
            if entry == Self.empty { return Self.none }
            if (entry ^ hash) & ~Self.rankBits == 0 { return UInt32(truncatingIfNeeded: entry & Self.rankBits) }
            slot = (slot + 1) & self.mask
        }
    }

    /// The rank of a token of two bytes; ``none`` if it is none.
    func rank(of first: UInt8, _ second: UInt8) -> UInt32 {
        self.pairs[Int(first) << 8 | Int(second)]
    }

    /// FNV-1a, with a finish that spreads every byte over all bits (the mixer of SplitMix64).
    private static func hash(_ token: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in token { hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01B3 }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return hash ^ (hash >> 31)
    }
}
