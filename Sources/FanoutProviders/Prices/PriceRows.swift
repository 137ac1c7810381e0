// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What models cost and how long their prompts may be, as it ships: the rows that `scripts/prices` makes.
///
/// A row is nine numbers, a bar, and the models that have them. The numbers are US dollars a million tokens (read,
/// written, from the cache, to the cache, of reasoning, of sound read, of sound written), US dollars an image, and the
/// most tokens of a prompt; a dash stands for what isn't known. The rows are text in the program's own file, of which a
/// provider that nobody asks for costs no memory.
enum PriceRows {
    /// What is known of a model.
    struct Entry: Equatable {
        var price: Price?
        var window: UInt32?
    }

    /// The entry of a model; nil = there is none of exactly this name.
    static func entry(of model: String, at provider: String) -> Entry? {
        switch provider {
        case "openai": self.openaiEntries[model]
        case "azure": self.azureEntries[model]
        case "anthropic": self.anthropicEntries[model]
        case "gemini": self.geminiEntries[model]
        case "vertex_ai": self.vertexAIEntries[model]
        case "bedrock": self.bedrockEntries[model]
        case "mistral": self.mistralEntries[model]
        case "cohere": self.cohereEntries[model]
        case "groq": self.groqEntries[model]
        case "deepseek": self.deepseekEntries[model]
        case "xai": self.xaiEntries[model]
        case "together_ai": self.togetherAIEntries[model]
        case "fireworks_ai": self.fireworksAIEntries[model]
        case "perplexity": self.perplexityEntries[model]
        case "cerebras": self.cerebrasEntries[model]
        default: nil
        }
    }

    // Each is made when the first model of its provider is looked up.
    private static let openaiEntries = entries(of: openai)
    private static let azureEntries = entries(of: azure)
    private static let anthropicEntries = entries(of: anthropic)
    private static let geminiEntries = entries(of: gemini)
    private static let vertexAIEntries = entries(of: vertexAI)
    private static let bedrockEntries = entries(of: bedrock)
    private static let mistralEntries = entries(of: mistral)
    private static let cohereEntries = entries(of: cohere)
    private static let groqEntries = entries(of: groq)
    private static let deepseekEntries = entries(of: deepseek)
    private static let xaiEntries = entries(of: xai)
    private static let togetherAIEntries = entries(of: togetherAI)
    private static let fireworksAIEntries = entries(of: fireworksAI)
    private static let perplexityEntries = entries(of: perplexity)
    private static let cerebrasEntries = entries(of: cerebras)

    private static func entries(of rows: [StaticString]) -> [String: Entry] {
        var entries: [String: Entry] = [:]
        for row in rows {
            row.withUTF8Buffer { row in
                guard let bar = row.firstIndex(of: UInt8(ascii: "|")), let entry = Self.entry(row[..<bar]) else {
                    return
                }
                for name in row[(bar + 1)...].split(separator: UInt8(ascii: " ")) {
                    entries[String(decoding: name, as: UTF8.self)] = entry
                }
            }
        }
        return entries
    }

    private static func entry(_ words: Slice<UnsafeBufferPointer<UInt8>>) -> Entry? {
        let numbers = words.split(separator: UInt8(ascii: " ")).map { Double(String(decoding: $0, as: UTF8.self)) }
        guard numbers.count == 9 else { return nil }
        var entry = Entry(window: numbers[8].flatMap(UInt32.init(exactly:)))
        guard let prompt = numbers[0], let completion = numbers[1] else { return entry }
        func token(_ place: Int) -> Double? { numbers[place].map { $0 / 1e6 } }
        var price = Price(promptToken: prompt / 1e6, completionToken: completion / 1e6, cachedPromptToken: token(2))
        price.cacheWriteToken = token(3)
        price.reasoningToken = token(4)
        price.audioPromptToken = token(5)
        price.audioCompletionToken = token(6)
        price.image = numbers[7]
        entry.price = price
        return entry
    }
}
