// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

extension ProviderCatalogue {
    /// Where the prices and windows that ship come from, and when.
    package static let priceSource = "\(PriceRows.source), \(PriceRows.date)"

    /// The most tokens of a prompt that a model takes; nil = not known.
    ///
    /// A snapshot of a model (`gpt-4o-2024-08-06`) has that of the model, a fine-tuned one (`ft:gpt-4o:acme`) that of
    /// its base. Azure's models are OpenAI's, where a deployment bears the model's name; Vertex's are Gemini's too.
    package static func contextWindow(of model: String, at provider: String) -> UInt32? {
        let base = model.hasPrefix("ft:") ? String(model.dropFirst(3).prefix { $0 != ":" }) : model
        return self.first(base, at: provider, \.window)
    }

    /// What a model costs; nil = not known.
    ///
    /// A snapshot costs what its model does unless it has a price of its own. A fine-tuned model doesn't cost what its
    /// base does, so only a price for fine-tuned ones counts.
    package static func price(of model: String, at provider: String) -> Price? {
        let tuned = model.hasPrefix("ft:") ? "ft:" + model.dropFirst(3).prefix { $0 != ":" } : model
        return self.first(tuned, at: provider, \.price)
    }

    private static func first<Value>(
        _ model: String,
        at provider: String,
        _ value: (PriceRows.Entry) -> Value?
    ) -> Value? {
        let others = ["azure": "openai", "cohere_chat": "cohere", "vertex_ai": "gemini"]
        let owners = [provider] + (others[provider].map { [$0] } ?? [])
        for name in [model, String(self.undated(Substring(model)))] {
            for owner in owners {
                if let found = PriceRows.entry(of: name, at: owner).flatMap(value) { return found }
            }
        }
        return nil
    }

    /// Without `-2024-08-06` or `-20240806` at its end.
    private static func undated(_ name: Substring) -> Substring {
        for form in ["-dddd-dd-dd", "-dddddddd"] {
            let end = name.suffix(form.count)
            let fits = zip(form, end).allSatisfy { $0 == "d" ? $1.isASCII && $1.isNumber : $0 == $1 }
            if end.count == form.count && fits { return name.dropLast(form.count) }
        }
        return name
    }
}
