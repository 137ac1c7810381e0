// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// One vector of an embeddings answer.
struct OpenAIVector: Sendable {
    /// The input that it belongs to.
    var index: Int64
    /// Little-endian IEEE 754 float32.
    var bytes: [UInt8]

    /// Reads `data`, and sorts it by index.
    static func readAll(_ reader: inout JSONReader, into vectors: inout [OpenAIVector]) throws(JSONError) {
        guard try reader.kind() == .array else { return try reader.skip() }
        try reader.enterArray()
        while try reader.nextElement() {
            // A server that doesn't count gives them in order.
            var vector = OpenAIVector(index: Int64(vectors.count), bytes: [])
            try reader.enterObject()
            while try reader.nextMember() {
                if reader.keyIs("index") {
                    vector.index = try OpenAIAssembler.integer(&reader) ?? vector.index
                } else if reader.keyIs("embedding") {
                    // Vectors of one answer have one size.
                    vector.bytes = try Self.read(&reader, sizeHint: vectors.last?.bytes.count ?? 0)
                } else {
                    try reader.skip()
                }
            }
            vectors.append(vector)
        }
        vectors.sort { $0.index < $1.index }
    }

    /// Whether there is one vector for each of the inputs, none of them empty or cut.
    static func areComplete(_ vectors: [OpenAIVector], inputs: Int) -> Bool {
        guard vectors.count == inputs else { return false }
        for (position, vector) in vectors.enumerated() {
            guard vector.index == Int64(position), !vector.bytes.isEmpty, vector.bytes.count % 4 == 0 else {
                return false
            }
        }
        return true
    }

    /// Reads an array of vectors that stand for themselves.
    static func readPlain(_ reader: inout JSONReader) throws(JSONError) -> [[UInt8]] {
        var vectors: [[UInt8]] = []
        guard try reader.kind() == .array else {
            try reader.skip()
            return vectors
        }
        try reader.enterArray()
        while try reader.nextElement() {
            vectors.append(try Self.read(&reader, sizeHint: vectors.last?.count ?? 0))
        }
        return vectors
    }

    /// Reads a vector: an array of numbers, or base64 of the same bytes.
    static func read(_ reader: inout JSONReader, sizeHint: Int) throws(JSONError) -> [UInt8] {
        let start = reader.offset
        if try reader.kind() == .string {
            var text: [UInt8] = []
            try reader.appendString(to: &text)
            guard let bytes = decodeBase64(text) else { throw JSONError(.typeMismatch, at: start) }
            return bytes
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(sizeHint)
        try reader.enterArray()
        while try reader.nextElement() {
            let value = Float(try reader.double())
            guard value.isFinite else { throw JSONError(.numberOutOfRange, at: reader.offset) }
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}
