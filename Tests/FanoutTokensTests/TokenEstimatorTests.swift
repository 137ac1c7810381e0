// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutTokens

@Suite struct TokenEstimatorTests {
    private static let tokenizer = Tokenizer(models: ["*"], ranks: ToyTokenizer.ranks)

    /// What a provider would report: the texts' tokens, four for each message, three for the answer's beginning.
    private static func truth(_ messages: [String]) -> UInt64 {
        messages.reduce(3) { $0 + 4 + UInt64(Self.tokenizer.count($1)) }
    }

    private static func task(_ messages: [String]) -> Request.Task {
        .chat(ChatRequest(messages: messages.map { Message(role: .user, text: $0) }))
    }

    /// Conversations of one to three messages, most of some hundred bytes and some of thousands.
    private static func conversation(_ kinds: [Languages.Kind], _ languages: inout Languages) -> [String] {
        (0..<1 + languages.number(below: 3)).map { _ in
            let kind = kinds[languages.number(below: kinds.count)]
            let spread = languages.fraction() * languages.fraction() * languages.fraction()
            return languages.text(kind, bytes: 20 + Int(spread * 4_000))
        }
    }

    /// The relative errors after `reports` reports, sorted.
    private static func errors(
        _ estimator: inout TokenEstimator,
        of kinds: [Languages.Kind],
        after reports: Int,
        seed: UInt64,
        reported: (UInt64, Int) -> UInt64 = { tokens, _ in tokens }
    ) -> [Double] {
        var languages = Languages(seed: seed)
        var errors: [Double] = []
        for number in 0..<reports + 100 {
            let messages = Self.conversation(kinds, &languages)
            let truth = Self.truth(messages)
            let (shape, tokens) = estimator.estimate(Self.task(messages), model: "m")
            if number >= reports { errors.append(abs(Double(tokens) - Double(truth)) / Double(truth)) }
            estimator.correct(shape, model: "m", tokens: reported(truth, number))
        }
        return errors.sorted()
    }

    private static let mixtures: [[Languages.Kind]] =
        Languages.Kind.allCases.map { [$0] } + [
            [.english, .german], [.english, .code, .json], Languages.Kind.allCases,
        ]

    @Test(arguments: mixtures)
    func `after 50 reports the median error is at most 8 % and one in twenty is above 25 %`(kinds: [Languages.Kind]) {
        var estimator = TokenEstimator()
        let errors = Self.errors(&estimator, of: kinds, after: 50, seed: 1)
        #expect(errors[errors.count / 2] <= 0.08)
        #expect(errors[errors.count * 95 / 100] <= 0.25)
    }

    @Test func `one wild report in twenty leaves the bounds as they are`() {
        var estimator = TokenEstimator()
        let errors = Self.errors(&estimator, of: [.english, .code], after: 60, seed: 9) { tokens, number in
            number % 20 == 13 ? tokens * 100 : number % 20 == 17 ? 0 : tokens
        }
        #expect(errors[errors.count / 2] <= 0.08)
        #expect(errors[errors.count * 95 / 100] <= 0.25)
    }

    @Test func `words of the provider's own before each prompt are learned`() {
        var estimator = TokenEstimator()
        let errors = Self.errors(&estimator, of: [.english], after: 50, seed: 4) { tokens, _ in tokens }
        var other = TokenEstimator()
        let shifted = Self.errors(&other, of: [.english], after: 50, seed: 4) { tokens, _ in tokens + 200 }
        // The second is held against a truth without the 200, so it must be off by about so much.
        #expect(shifted[shifted.count / 2] > errors[errors.count / 2] + 0.2)
        let (_, tokens) = other.estimate(Self.task(["x"]), model: "m")
        #expect((150...260).contains(tokens), "\(tokens)")
    }

    @Test func `a model that changes is followed`() {
        var estimator = TokenEstimator()
        _ = Self.errors(&estimator, of: [.english], after: 300, seed: 5)
        var languages = Languages(seed: 6)
        var last: [Double] = []
        for number in 0..<200 {
            let messages = Self.conversation([.english], &languages)
            let truth = Double(Self.truth(messages)) * 1.6
            let (shape, tokens) = estimator.estimate(Self.task(messages), model: "m")
            if number >= 100 { last.append(abs(Double(tokens) - truth) / truth) }
            estimator.correct(shape, model: "m", tokens: UInt64(truth))
        }
        #expect(last.sorted()[50] <= 0.12, "\(last.sorted()[50])")
    }

    @Test func `before any report the estimate is of the right size`() {
        for (text, tokens) in [
            (String(repeating: "The weather in the north is rather cold this year. ", count: 20), 200),
            (String(repeating: "天气很好我们去公园散步", count: 20), 220),
        ] {
            var estimator = TokenEstimator()
            let (_, estimate) = estimator.estimate(Self.task([text]), model: "m")
            #expect((tokens * 3 / 4...tokens * 4 / 3).contains(Int(estimate)), "\(estimate) for \(tokens)")
        }
    }

    @Test func `with its tokenizer a model's prompts are counted, and what is around them is learned`() {
        var estimator = TokenEstimator(tokenizers: [Self.tokenizer])
        let errors = Self.errors(&estimator, of: Languages.Kind.allCases, after: 20, seed: 8)
        #expect(errors[errors.count * 95 / 100] <= 0.01)
    }

    @Test func `a text too long to be counted is counted in proportion`() {
        var estimator = TokenEstimator(tokenizers: [Self.tokenizer])
        var languages = Languages(seed: 8)
        let text = languages.text(.english, bytes: 100_000)
        let (_, tokens) = estimator.estimate(Self.task([text]), model: "m")
        let truth = Double(Self.truth([text]))
        #expect(abs(Double(tokens) - truth) / truth < 0.03)
    }

    @Test func `a tokenizer is found by the name that is asked for or the one that is served`() {
        var estimator = TokenEstimator(tokenizers: [Tokenizer(models: ["gpt-4o*"], ranks: ToyTokenizer.ranks)])
        #expect(estimator.estimate(Self.task(["hi"]), model: "gpt-4o-mini").shape.counted > 0)
        #expect(estimator.estimate(Self.task(["hi"]), model: "fast", served: "gpt-4o").shape.counted > 0)
        #expect(estimator.estimate(Self.task(["hi"]), model: "other", served: "claude").shape.counted == 0)
        estimator.use([])
        #expect(estimator.estimate(Self.task(["hi"]), model: "gpt-4o-mini").shape.counted == 0)
    }

    @Test func `the models that are known are bounded, and the one used longest ago is forgotten`() {
        var estimator = TokenEstimator()
        let task = Self.task(["some words of a prompt"])
        for number in 0..<TokenEstimator.modelsMax {
            let (shape, _) = estimator.estimate(task, model: "m\(number)")
            for _ in 0..<20 { estimator.correct(shape, model: "m\(number)", tokens: 1_000) }
        }
        _ = estimator.estimate(task, model: "m0")
        _ = estimator.estimate(task, model: "one more")
        #expect(estimator.modelCount == TokenEstimator.modelsMax)
        #expect(estimator.estimate(task, model: "m0").tokens > 100)
        #expect(estimator.estimate(task, model: "m1").tokens < 50)
        #expect(estimator.modelCount == TokenEstimator.modelsMax)
    }

    @Test func `an estimate is at least one token and at most the bytes and what may surround them`() {
        var estimator = TokenEstimator()
        let task = Self.task([String(repeating: " ", count: 10_000)])
        let (shape, tokens) = estimator.estimate(task, model: "m")
        #expect(tokens >= 500)
        for _ in 0..<100 { estimator.correct(shape, model: "m", tokens: .max) }
        #expect(estimator.estimate(task, model: "m").tokens < 13_000)
        let nothing = Request.Task.embedding(EmbeddingRequest(inputs: [""]))
        #expect(estimator.estimate(nothing, model: "n").tokens >= 1)
    }

    @Test func `images, documents and tools count by rule until reports say more`() {
        var estimator = TokenEstimator()
        var image = Media(mimeType: "image/png", source: .url("https://x/y.png"))
        func tokens(_ parts: [Part], tools: [Tool] = []) -> UInt32 {
            var chat = ChatRequest(messages: [Message(role: .user, parts: parts)])
            chat.tools = tools
            return estimator.estimate(.chat(chat), model: "m").tokens
        }
        let plain = tokens([Part(.text(Text("What is this?")))])
        #expect(tokens([Part(.text(Text("What is this?"))), Part(.image(image))]) == plain + 765)
        image.detail = "low"
        #expect(tokens([Part(.text(Text("What is this?"))), Part(.image(image))]) == plain + 85)
        let pdf = Media(mimeType: "application/pdf", source: .data([UInt8](repeating: 0, count: 330_000)))
        #expect(tokens([Part(.document(pdf))]) > 9_000)
        var tool = Tool(name: "weather")
        tool.parametersJSON = [UInt8](repeating: 0x20, count: 1_000)
        #expect((200...320).contains(tokens([Part(.text(Text("What is this?")))], tools: [tool]) - plain))
    }
}
