// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A byte-pair tokenizer, and the models that it is for.
package struct Tokenizer: Sendable, Hashable {
    /// Names of model groups or of providers' models; `*` at the end stands for anything, alone for every model.
    package var models: [String]
    /// How texts are cut before pairs are merged.
    package var pattern: Pattern
    /// What is a token.
    package var ranks: BytePairRanks

    /// How texts are cut into words: by the rules that OpenAI publishes with its rank files.
    package enum Pattern: String, Sendable, Hashable, CaseIterable {
        /// GPT-3.5 and 4, and Llama 3.
        case cl100k
        /// GPT-4o and later.
        case o200k

        /// The one that goes with a file of so many tokens.
        package init(tokenCount: Int) {
            self = tokenCount > 150_000 ? .o200k : .cl100k
        }
    }

    /// Makes a tokenizer; without a pattern the size of the file tells it.
    package init(models: [String], pattern: Pattern? = nil, ranks: BytePairRanks) {
        self.models = models
        self.pattern = pattern ?? Pattern(tokenCount: ranks.count)
        self.ranks = ranks
    }

    /// Whether it is for a model.
    package func matches(_ name: String) -> Bool {
        self.models.contains { pattern in
            pattern.utf8.last == UInt8(ascii: "*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
        }
    }

    /// The tokens of a text, whatever its length.
    ///
    /// For tests and tools: a hot path counts with a ``BytePairCounter`` that it keeps.
    package func count(_ text: String) -> UInt32 {
        var counter = BytePairCounter()
        counter.use(self)
        return Array(text.utf8).withUnsafeBufferPointer { counter.count($0) }
    }
}
