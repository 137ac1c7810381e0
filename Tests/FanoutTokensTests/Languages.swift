// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Made-up texts in several scripts, code and JSON, the same for the same seed.
struct Languages {
    enum Kind: CaseIterable, Sendable {
        case english, german, russian, chinese, korean, code, json
    }

    private var state: UInt64
    private var lexicons: [Kind: [String]] = [:]

    init(seed: UInt64) {
        self.state = seed
        // The lexicons are the same whatever the seed: a language doesn't change with its speaker.
        var maker = Languages(state: 42)
        for kind in Kind.allCases { self.lexicons[kind] = maker.lexicon(of: kind) }
    }

    private init(state: UInt64) {
        self.state = state
    }

    mutating func number(below bound: Int) -> Int {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (self.state ^ (self.state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) >> 33) % bound
    }

    /// From 0 to 1.
    mutating func fraction() -> Double { Double(self.number(below: 1 << 20)) / Double(1 << 20) }

    private mutating func pick(_ words: [String]) -> String { words[self.number(below: words.count)] }

    // MARK: Words

    private static let english = """
        the of and to in that is was he for it with as his on be at by had not are but from or have an they which one \
        you were all her she there would their we him been has when who will no more if out so up said what its about \
        than into them can only other time new some could these two may first then do any like my now over such our \
        man me even most made after also did many off before must well back through years much where your way down \
        should because long each just state those people too mr how little good world make very year still see own \
        work men day get here old between both life being under three never know same last another while us might \
        great go come since against came right used take house use during without again place american around however \
        home small found thought went say part once general high upon school every don does got united left number \
        course war until always away something fact water less public put thing almost hand enough far took head yet \
        government system better set told nothing night end why called didn eyes find going look asked later knew \
        question answer language model request information understand different example important development
        """.split(separator: " ").map(String.init)

    private mutating func lexicon(of kind: Kind) -> [String] {
        switch kind {
        case .english: return Self.english
        case .german:
            let heads = ["ge", "ver", "be", "schl", "str", "auf", "unter", "w", "m", "k", "n", "über", "hä", "zw"]
            let cores = ["ach", "ein", "icht", "ung", "ö", "ier", "alt", "eb", "ü", "and", "urz", "ahr"]
            let tails = ["en", "ung", "heit", "t", "er", "lich", "keit", "es", "e", "st"]
            return self.compose(heads, cores, tails, count: 260)
        case .russian:
            let heads = ["по", "при", "раз", "вы", "с", "м", "к", "за", "не", "в", "о", "пере"]
            let cores = ["ход", "говор", "каз", "вер", "дел", "лож", "ним", "вод", "пис"]
            let tails = ["ить", "ение", "ость", "ый", "ая", "ать", "ов", "ами", "е", "у"]
            return self.compose(heads, cores, tails, count: 260)
        case .chinese:
            return (0..<320).map { _ in
                let length = 1 + self.number(below: 2)
                return String((0..<length).map { _ in Character(self.scalar(0x4E00, 700)) })
            }
        case .korean:
            return (0..<300).map { _ in
                let length = 1 + self.number(below: 3)
                return String((0..<length).map { _ in Character(self.scalar(0xAC00, 900)) })
            }
        case .code, .json:
            return [
                "index", "value", "count", "result", "error", "name", "self", "request", "buffer", "node", "i", "x",
            ]
        }
    }

    private mutating func compose(_ heads: [String], _ cores: [String], _ tails: [String], count: Int) -> [String] {
        (0..<count).map { _ in self.pick(heads) + self.pick(cores) + self.pick(tails) }
    }

    private mutating func scalar(_ first: UInt32, _ count: Int) -> Unicode.Scalar {
        Unicode.Scalar(first + UInt32(self.number(below: count))) ?? "?"
    }

    /// A word of a language, common ones more often.
    private mutating func word(_ kind: Kind) -> String {
        let words = self.lexicons[kind] ?? []
        let place = Double(words.count) * self.fraction() * self.fraction()
        return words[min(words.count - 1, Int(place))]
    }

    // MARK: Texts

    /// A text of about so many bytes.
    mutating func text(_ kind: Kind, bytes: Int) -> String {
        var text = ""
        while text.utf8.count < bytes {
            switch kind {
            case .english, .german, .russian: text += self.sentence(kind)
            case .chinese, .korean: text += self.sentence(kind)
            case .code: text += self.statement()
            case .json: text += self.object()
            }
        }
        return text
    }

    private mutating func sentence(_ kind: Kind) -> String {
        let count = 4 + self.number(below: 14)
        let separator = kind == .chinese ? "" : " "
        var words: [String] = []
        for _ in 0..<count {
            var word = self.number(below: 40) == 0 ? "\(self.number(below: 3_000))" : self.word(kind)
            if self.number(below: 12) == 0 { word += kind == .chinese ? "，" : "," }
            words.append(word)
        }
        words[0] = words[0].prefix(1).uppercased() + words[0].dropFirst()
        return words.joined(separator: separator)
            + (kind == .chinese ? "。" : self.number(below: 9) == 0 ? ".\n\n" : ". ")
    }

    private mutating func statement() -> String {
        let indent = String(repeating: " ", count: 4 * (1 + self.number(below: 3)))
        let (left, right) = (self.word(.code), self.word(.code))
        switch self.number(below: 4) {
        case 0: return "\(indent)let \(left) = self.\(right)(\(self.word(.code)), at: \(self.number(below: 100)))\n"
        case 1: return "\(indent)if \(left) < \(right).\(self.word(.code)) { return \(self.number(below: 10)) }\n"
        case 2: return "\(indent)// \(self.sentence(.english).split(separator: "\n")[0])\n"
        default: return "\(indent)\(left)[\(right)] += \(self.number(below: 256)) &* \(self.word(.code))\n"
        }
    }

    private mutating func object() -> String {
        var fields: [String] = []
        for _ in 0..<3 + self.number(below: 5) {
            let value =
                self.number(below: 2) == 0
                ? "\(self.number(below: 100_000))" : "\"\(self.word(.english)) \(self.word(.english))\""
            fields.append("\"\(self.word(.json))\": \(value)")
        }
        return "{" + fields.joined(separator: ", ") + "}\n"
    }
}
