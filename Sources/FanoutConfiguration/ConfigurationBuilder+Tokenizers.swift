// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutTokens

extension ConfigurationBuilder {
    /// The most tokenizers; each keeps some megabytes.
    private static let tokenizersMax = 16

    /// Reads `fanout.tokenizers`.
    ///
    /// A file that can't be used is a warning and no error: without it prompts are estimated, which is good enough to
    /// start with.
    mutating func readTokenizers(_ field: Field?) {
        guard let field, let entries = self.reader.list(field) else { return }
        if entries.count > Self.tokenizersMax {
            self.reader.error(field, "has more than \(Self.tokenizersMax) tokenizers; one may be for many models")
        }
        for entry in entries.prefix(Self.tokenizersMax) {
            guard var section = self.reader.section(entry) else { continue }
            let models = self.reader.texts(section.take("models")) ?? []
            let file = section.take("file")
            let pattern = self.pattern(section.take("pattern"))
            self.reader.finish(section, UnreadKeys())
            guard !models.isEmpty, let file, let path = self.reader.text(file) else {
                self.reader.error(entry, "needs models, a list of names, and file, the path of a rank file")
                continue
            }
            guard let ranks = self.ranks(at: path, file) else { continue }
            self.tokenizers.append(Tokenizer(models: models, pattern: pattern, ranks: ranks))
        }
    }

    private mutating func pattern(_ field: Field?) -> Tokenizer.Pattern? {
        guard let field, let text = self.reader.text(field) else { return nil }
        if let pattern = Tokenizer.Pattern(rawValue: text) { return pattern }
        let known = Tokenizer.Pattern.allCases.map(\.rawValue).joined(separator: " or ")
        self.reader.error(field, "must be \(known), or absent: the file's size tells it")
        return nil
    }

    private mutating func ranks(at path: String, _ field: Field) -> BytePairRanks? {
        let instead = "the prompts of these models are estimated instead"
        switch self.reader.values.files.read(path, BytePairRanks.fileBytesMax) {
        case .failure(let problem):
            self.reader.warn(field, "the file \(problem.sentence); \(instead)")
        case .success(let bytes):
            do throws(BytePairRanks.Fault) {
                return try BytePairRanks(tiktoken: bytes)
            } catch {
                self.reader.warn(field, "the file is no rank file in tiktoken's format (\(error)); \(instead)")
            }
        }
        return nil
    }
}
