// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What tokens cost.
package struct Price: Sendable, Hashable {
    /// US dollars a prompt token.
    package var promptToken: Double
    /// US dollars a completion token.
    package var completionToken: Double
    /// US dollars a prompt token that the provider's cache gave; `nil` = as a prompt token.
    package var cachedPromptToken: Double?
    /// US dollars a prompt token that was written to the provider's cache; `nil` = as a prompt token.
    package var cacheWriteToken: Double?
    /// US dollars a token of reasoning; `nil` = as a completion token.
    package var reasoningToken: Double?
    /// US dollars a prompt token of sound; `nil` = as a prompt token.
    package var audioPromptToken: Double?
    /// US dollars a completion token of sound; `nil` = as a completion token.
    package var audioCompletionToken: Double?
    /// US dollars an image of the prompt, beside its tokens; `nil` = none.
    package var image: Double?

    /// Makes a price.
    package init(promptToken: Double, completionToken: Double, cachedPromptToken: Double? = nil) {
        self.promptToken = promptToken
        self.completionToken = completionToken
        self.cachedPromptToken = cachedPromptToken
    }

    /// What an answer costs, in 10^-9 US dollars; saturates.
    ///
    /// The parts of a usage never count for more than the whole: first what the cache gave, then what was written to
    /// it, then sound.
    package func nanoUSD(for usage: Usage, images: Int = 0) -> Int64 {
        var prompt = usage.promptTokens
        var completion = usage.completionTokens
        func part(_ tokens: UInt64, of rest: inout UInt64, at price: Double) -> Double {
            let counted = min(tokens, rest)
            rest -= counted
            return Double(counted) * price
        }
        var dollars = part(usage.cachedPromptTokens, of: &prompt, at: self.cachedPromptToken ?? self.promptToken)
        dollars += part(usage.cacheWriteTokens, of: &prompt, at: self.cacheWriteToken ?? self.promptToken)
        dollars += part(usage.audioPromptTokens, of: &prompt, at: self.audioPromptToken ?? self.promptToken)
        dollars += Double(prompt) * self.promptToken
        dollars += part(usage.reasoningTokens, of: &completion, at: self.reasoningToken ?? self.completionToken)
        let sound = self.audioCompletionToken ?? self.completionToken
        dollars += part(usage.audioCompletionTokens, of: &completion, at: sound)
        dollars += Double(completion) * self.completionToken
        dollars += Double(images) * (self.image ?? 0)
        return Int64(exactly: (dollars * 1e9).rounded()) ?? .max
    }
}
