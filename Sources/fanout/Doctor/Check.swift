// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// One thing that `fanout doctor` looked at.
struct Check: Sendable, Hashable {
    /// How it is.
    enum Level: String, Sendable, Hashable {
        case ok
        case warn
        case fail
    }

    /// How it is.
    var level: Level
    /// What was looked at, for example `dns api.openai.com`.
    var subject: String
    /// What was found; never a key.
    var finding: String
    /// What to do; empty = nothing.
    var advice = ""

    init(_ level: Level, _ subject: String, _ finding: String, _ advice: String = "") {
        self.level = level
        self.subject = subject
        self.finding = finding
        self.advice = advice
    }

    /// One line for a person, and one more with what to do.
    var lines: [String] {
        let word = self.level.rawValue + String(repeating: " ", count: 4 - self.level.rawValue.count)
        let line = "\(word)  \(self.subject): \(self.finding)"
        return self.advice.isEmpty ? [line] : [line, "      \(self.advice)"]
    }

    /// All of them as one JSON object, without a line feed.
    static func json(_ checks: [Check]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("ok")
        writer.bool(!checks.contains { $0.level == .fail })
        writer.key("checks")
        writer.beginArray()
        for check in checks {
            writer.beginObject()
            let members: [(StaticString, String)] = [
                ("level", check.level.rawValue), ("subject", check.subject), ("finding", check.finding),
                ("advice", check.advice),
            ]
            for (key, text) in members {
                writer.key(key)
                writer.string(text)
            }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.finish()
    }
}
