// Fanout
// SPDX-License-Identifier: Apache-2.0

extension Delta {
    /// The same content in pieces of at most so many bytes, so that each fits a frame.
    ///
    /// Almost always the delta itself. Texts are cut between characters of Unicode.
    package func split(bytesMax: Int = 256 << 10) -> [Delta] {
        if self.byteCount <= bytesMax { return [self] }
        switch self.kind {
        case .text(let text): return Self.pieces(text, bytesMax).map { Delta(choice: self.choice, .text($0)) }
        case .reasoning(let text): return Self.pieces(text, bytesMax).map { Delta(choice: self.choice, .reasoning($0)) }
        case .refusal(let text): return Self.pieces(text, bytesMax).map { Delta(choice: self.choice, .refusal($0)) }
        case .toolCall(let call): return self.split(call, bytesMax)
        case .restart: return [self]
        }
    }

    private func split(_ call: ToolCallDelta, _ bytesMax: Int) -> [Delta] {
        var pieces: [Delta] = []
        for start in stride(from: 0, to: max(1, call.arguments.count), by: max(1, bytesMax)) {
            let end = min(call.arguments.count, start + max(1, bytesMax))
            // The id and name come with the first fragment only.
            let piece = ToolCallDelta(
                call: call.call,
                id: start == 0 ? call.id : "",
                name: start == 0 ? call.name : "",
                arguments: Array(call.arguments[start..<end])
            )
            pieces.append(Delta(choice: self.choice, .toolCall(piece)))
        }
        return pieces
    }

    private static func pieces(_ text: String, _ bytesMax: Int) -> [String] {
        let bytes = text.utf8
        var pieces: [String] = []
        var start = bytes.startIndex
        while start < bytes.endIndex {
            var end = bytes.index(start, offsetBy: max(4, bytesMax), limitedBy: bytes.endIndex) ?? bytes.endIndex
            // A byte of the form 10xxxxxx continues a scalar (RFC 3629, 3); none has more than four bytes.
            while end < bytes.endIndex, bytes[end] & 0xC0 == 0x80 { end = bytes.index(before: end) }
            pieces.append(String(text[start..<end]))
            start = end
        }
        return pieces
    }
}
