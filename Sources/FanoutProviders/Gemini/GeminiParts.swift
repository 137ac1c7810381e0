// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// The parts of a candidate's content in one piece of an answer.
///
/// A piece of a stream has one, which stands in no array.
struct GeminiParts: Sendable {
    private var first: GeminiPart?
    private var others: [GeminiPart] = []
    private var given = 0

    /// The most parts of a candidate, and of one piece's content, those that hold nothing aside.
    static let most = 65_536

    /// Reads the content that a reader stands before, in place of any read before.
    mutating func read(_ reader: inout JSONReader) throws(JSONError) {
        self = GeminiParts()
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            guard reader.keyIs("parts"), try reader.kind() == .array else {
                try reader.skip()
                continue
            }
            try reader.enterArray()
            while try reader.nextElement() {
                let start = reader.offset
                let part = try GeminiPart(&reader)
                if part.isEmpty { continue }
                guard self.others.count < Self.most - 1 else { throw JSONError(.tooLarge, at: start) }
                if self.first == nil { self.first = part } else { self.others.append(part) }
            }
        }
    }

    /// The next part that was not given yet; nil = there is none.
    mutating func next() -> GeminiPart? {
        if let part = self.first.take() { return part }
        guard self.given < self.others.count else { return nil }
        defer { self.given += 1 }
        return self.others[self.given]
    }
}
