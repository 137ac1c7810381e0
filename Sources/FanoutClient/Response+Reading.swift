// Fanout
// SPDX-License-Identifier: Apache-2.0

public import FanoutModel

extension Response {
    /// The text of the first choice; empty for vectors.
    public var text: String {
        switch self.body {
        case .chat(let choices): choices.first?.message.text ?? ""
        case .completion(let choices): choices.first?.text ?? ""
        case .embedding: ""
        }
    }

    /// The vectors as numbers; `nil` = it is no embedding, or a vector is cut off.
    public var vectors: [[Float]]? {
        guard case .embedding(let vectors) = self.body else { return nil }
        var decoded: [[Float]] = []
        decoded.reserveCapacity(vectors.count)
        for vector in vectors {
            guard vector.count % 4 == 0 else { return nil }
            decoded.append(
                vector.withUnsafeBytes { bytes in
                    stride(from: 0, to: bytes.count, by: 4).map { offset in
                        let bits = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                        return Float(bitPattern: UInt32(littleEndian: bits))
                    }
                }
            )
        }
        return decoded
    }
}

extension ItemResult {
    /// The response.
    /// - Throws: ``FanoutError`` with the item's failure inside.
    public func response() throws(FanoutError) -> Response {
        switch self.outcome {
        case .success(let response): return response
        case .failure(let failure): throw FanoutError(failure)
        }
    }
}
