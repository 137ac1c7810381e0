// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension GeminiEncoder {
    /// Writes how much the model thinks, and whether it says what.
    ///
    /// Models of generation 2.5 take a number of tokens, later ones a level; both at once are refused there. Where an
    /// effort meets a 2.5, it becomes the number that Google's own OpenAI endpoint makes of it
    /// (ai.google.dev/gemini-api/docs/openai, "Thinking").
    mutating func write(_ reasoning: ReasoningOptions) throws(Failure) {
        if !reasoning.summary.isEmpty { try self.refuse("reasoning.summary") }
        var budget: UInt64? = reasoning.budgetTokens > 0 ? UInt64(reasoning.budgetTokens) : nil
        var level = reasoning.effort
        if !level.isEmpty, budget != nil {
            try self.refuse("reasoning.effort beside reasoning.budget_tokens")
            level = ""
        }
        if level == "none" {
            budget = 0
            level = ""
        } else if !level.isEmpty, self.endpoint.model.contains("gemini-2.5") {
            budget = Self.budget(of: level)
            if budget == nil { try self.refuse("reasoning.effort \(level)") }
            level = ""
        }
        guard budget != nil || !level.isEmpty || reasoning.include, self.begins("thinkingConfig") else { return }
        self.config.beginObject()
        if reasoning.include {
            self.config.key("includeThoughts")
            self.config.bool(true)
        }
        if let budget {
            self.config.key("thinkingBudget")
            self.config.uint(budget)
        }
        if !level.isEmpty {
            self.config.key("thinkingLevel")
            self.config.string(level)
        }
        self.config.endObject()
    }

    private static func budget(of effort: String) -> UInt64? {
        switch effort {
        case "minimal", "low": 1_024
        case "medium": 8_192
        case "high": 24_576
        default: nil
        }
    }
}
