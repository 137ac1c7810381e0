// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A `model_name` with stars, each of which stands for any text: `openai/*`, `*`, `ft:*:acme:*`.
///
/// It matches a whole name, from its first byte to its last; LiteLLM's patterns end anywhere. As in a regular
/// expression each star takes as much as it can, the first one first.
package struct ModelPattern: Sendable, Hashable {
    /// As the configuration writes it.
    package let name: String
    /// The group whose deployments serve what it matches.
    package let group: GroupID
    /// What stands between the stars, one more than there are of them.
    private let pieces: [[UInt8]]

    /// Makes a pattern; `nil` = the name has no star.
    package init?(_ name: String, group: GroupID) {
        guard name.utf8.contains(Self.star) else { return nil }
        self.name = name
        self.group = group
        self.pieces = Array(name.utf8).split(separator: Self.star, omittingEmptySubsequences: false).map(Array.init)
    }

    private static let star = UInt8(ascii: "*")

    /// How many stars it has.
    package var stars: Int { self.pieces.count - 1 }

    /// Whether it comes before another one: the longer first, then the one with fewer stars.
    package func precedes(_ other: ModelPattern) -> Bool {
        let (own, others) = (self.name.utf8.count, other.name.utf8.count)
        return own == others ? self.stars < other.stars : own > others
    }

    /// What the stars stand for in a name; `nil` = it doesn't match.
    ///
    /// Takes time in proportion to the lengths of pattern and name multiplied.
    package func captures(in name: [UInt8]) -> [String]? {
        guard let first = self.pieces.first, let last = self.pieces.last, name.starts(with: first),
            name.count >= first.count + last.count, name.suffix(last.count).elementsEqual(last)
        else { return nil }
        // Each piece as far to the right as those behind it let it, so that the stars on the left are the longest.
        var end = name.count - last.count
        var captures: [String] = []
        for piece in self.pieces.dropFirst().dropLast().reversed() {
            var start = end - piece.count
            while start >= first.count, !name[start..<(start + piece.count)].elementsEqual(piece) { start -= 1 }
            guard start >= first.count else { return nil }
            captures.append(String(decoding: name[(start + piece.count)..<end], as: UTF8.self))
            end = start
        }
        captures.append(String(decoding: name[first.count..<end], as: UTF8.self))
        return captures.reversed()
    }

    /// A deployment's model with captures in place of its stars.
    /// - Parameters:
    ///   - model: As the deployment names it.
    ///   - captures: What the pattern's stars stand for.
    ///   - name: What was asked for.
    /// - Returns: The model as it is if it has no star; the name if it has fewer stars than there are captures, as in
    ///   LiteLLM.
    package static func filled(_ model: String, with captures: [String], of name: String) -> String {
        let pieces = model.split(separator: "*", omittingEmptySubsequences: false)
        guard pieces.count > 1 else { return model }
        guard captures.count == pieces.count - 1 else { return name }
        return zip(pieces, captures + [""]).map { $0 + $1 }.joined()
    }
}

/// The group that serves a name.
package struct ModelMatch: Sendable, Hashable {
    package var group: GroupID
    /// What the stars of its pattern stand for; empty = it has none.
    package var captures: [String]
    /// What was asked for, with the provider that was found for a bare name before it.
    package var name: String

    /// Makes a match.
    package init(group: GroupID, captures: [String], name: String) {
        self.group = group
        self.captures = captures
        self.name = name
    }
}

extension Snapshot {
    /// The active group that serves a model: the one of that name or alias, else the longest pattern that matches it,
    /// else, for a bare name, the longest that matches it behind its provider's name and a slash.
    /// - Parameters:
    ///   - name: What a request asks for.
    ///   - provider: Whose model a bare name is; `nil` = not known.
    /// - Returns: `nil` = nobody serves it.
    package func resolve(_ name: String, provider: (String) -> String? = { _ in nil }) -> ModelMatch? {
        if let group = self.names[name] { return self.match(of: group) }
        guard let match = self.patterns.resolve(name, provider: provider) else { return nil }
        // The file may name the model that was meant, and say more of it.
        guard match.name != name, let group = self.names[match.name] else { return match }
        return self.match(of: group)
    }

    private func match(of group: GroupID) -> ModelMatch {
        let own = self.groups[Int(group.index)]
        return ModelMatch(group: group, captures: own.captures, name: own.name)
    }
}

extension [ModelPattern] {
    /// The first pattern that matches a name, or that name behind its provider's.
    package func resolve(_ name: String, provider: (String) -> String?) -> ModelMatch? {
        // A star would reach the provider as a model's name, and so would nothing at all.
        guard !self.isEmpty, !name.isEmpty, !name.hasSuffix("/"), !name.contains("*") else { return nil }
        if let match = self.match(name) { return match }
        guard !name.contains("/"), let provider = provider(name) else { return nil }
        return self.match(provider + "/" + name)
    }

    private func match(_ name: String) -> ModelMatch? {
        let bytes = [UInt8](name.utf8)
        for pattern in self {
            guard let captures = pattern.captures(in: bytes) else { continue }
            return ModelMatch(group: pattern.group, captures: captures, name: name)
        }
        return nil
    }
}
