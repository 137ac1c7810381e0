// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// How many tokens prompts have, by model: learned from the usage that providers report, or counted by a tokenizer
/// where one is configured for the model.
///
/// Bounded: of models past ``modelsMax`` the one that was used longest ago is forgotten.
package struct TokenEstimator: Sendable {
    /// The most models of which anything is known.
    package static let modelsMax = 256

    private struct Entry: Sendable {
        var name: String
        var model: TokenModel
        /// Its place among the tokenizers; -1 = none.
        var tokenizer: Int
        var used: UInt64
    }

    private var tokenizers: [Tokenizer]
    private var counter = BytePairCounter()
    private var entries: [Entry] = []
    private var places: [String: Int] = [:]
    private var clock: UInt64 = 0

    /// Makes an estimator.
    package init(tokenizers: [Tokenizer] = []) {
        self.tokenizers = tokenizers
    }

    /// Puts other tokenizers in force; a model whose way of counting changes begins anew.
    package mutating func use(_ tokenizers: [Tokenizer]) {
        guard tokenizers != self.tokenizers else { return }
        self.tokenizers = tokenizers
        self.entries = []
        self.places = [:]
    }

    /// How many models are known.
    package var modelCount: Int { self.entries.count }

    /// The shape of a prompt, and the tokens that it probably has for a model.
    ///
    /// What was learned is kept under the name that the caller asks for; a tokenizer is found by that or by the
    /// provider's own name of the model, where it is known.
    package mutating func estimate(
        _ task: Request.Task,
        model name: String,
        served: @autoclosure () -> String = ""
    ) -> (shape: PromptShape, tokens: UInt32) {
        let place = self.place(of: name, served: served)
        let tokenizer = self.entries[place].tokenizer
        let shape: PromptShape
        if tokenizer >= 0 {
            self.counter.use(self.tokenizers[tokenizer])
            shape = PromptShape(of: task, counter: &self.counter)
        } else {
            shape = PromptShape(of: task)
        }
        return (shape, self.entries[place].model.tokens(of: shape))
    }

    /// Learns from the prompt tokens that a provider reports; 0 teaches nothing.
    package mutating func correct(_ shape: PromptShape, model name: String, tokens: UInt64) {
        // A model that was forgotten meanwhile isn't worth another's place for one report.
        guard let place = self.places[name] else { return }
        self.entries[place].model.learn(shape, tokens: tokens)
    }

    private mutating func place(of name: String, served: () -> String) -> Int {
        self.clock &+= 1
        if let place = self.places[name] {
            self.entries[place].used = self.clock
            return place
        }
        let tokenizer = self.tokenizer(for: name, served: served())
        let entry = Entry(
            name: name,
            model: TokenModel(isCounted: tokenizer >= 0),
            tokenizer: tokenizer,
            used: self.clock
        )
        var place = self.entries.count
        if place < Self.modelsMax {
            self.entries.append(entry)
        } else {
            place = self.entries.indices.min { self.entries[$0].used < self.entries[$1].used } ?? 0
            self.places[self.entries[place].name] = nil
            self.entries[place] = entry
        }
        self.places[name] = place
        return place
    }

    private func tokenizer(for name: String, served: String) -> Int {
        self.tokenizers.firstIndex { $0.matches(name) || (!served.isEmpty && $0.matches(served)) } ?? -1
    }
}
