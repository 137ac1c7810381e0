// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

struct ModelPatternTests {
    struct Row: CustomTestStringConvertible {
        var pattern: String
        var name: String
        var captures: [String]?
        var testDescription: String { "\(self.pattern) \(self.name)" }
    }

    @Test(arguments: [
        Row(pattern: "openai/*", name: "openai/gpt-4o", captures: ["gpt-4o"]),
        Row(pattern: "openai/*", name: "xopenai/gpt-4o"),
        Row(pattern: "openai/*", name: "openai", captures: nil),
        Row(pattern: "*", name: "a/b c", captures: ["a/b c"]),
        Row(pattern: "gpt-4*", name: "gpt-4", captures: [""]),
        // LiteLLM takes this one, and sends gpt-4-mini.
        Row(pattern: "gpt-*-mini", name: "gpt-4-mini-extra"),
        Row(pattern: "gpt-*-mini", name: "gpt-4-mini", captures: ["4"]),
        Row(pattern: "gpt-*-mini", name: "gpt-mini"),
        Row(pattern: "a*a", name: "a"),
        Row(pattern: "a*a", name: "aa", captures: [""]),
        // The first star takes as much as it can, as (.*) does.
        Row(pattern: "ft:*:acme:*", name: "ft:x:acme:y:acme:z", captures: ["x:acme:y", "z"]),
        Row(pattern: "*-*-*", name: "a-b-c-d", captures: ["a-b", "c", "d"]),
        Row(pattern: "*-*-*", name: "a-b"),
        Row(pattern: "**", name: "ab", captures: ["ab", ""]),
        Row(pattern: "a.c/*", name: "abc/x"),
        Row(pattern: "é*", name: "éx", captures: ["x"]),
    ])
    func `a pattern matches a whole name or nothing`(row: Row) throws {
        let pattern = try #require(ModelPattern(row.pattern, group: GroupID(0)))
        #expect(pattern.captures(in: Array(row.name.utf8)) == row.captures)
    }

    @Test func `a name without a star is no pattern`() {
        #expect(ModelPattern("gpt-4o", group: GroupID(0)) == nil)
    }

    @Test func `captures take the places of the stars, and with fewer stars the name is the model`() {
        #expect(ModelPattern.filled("gpt-4o", with: ["x"], of: "a/x") == "gpt-4o")
        #expect(ModelPattern.filled("*", with: ["x"], of: "a/x") == "x")
        #expect(ModelPattern.filled("ft:*:*", with: ["x", "y"], of: "n") == "ft:x:y")
        #expect(ModelPattern.filled("*", with: ["x", "y"], of: "a/x-y") == "a/x-y")
    }

    private static func snapshot(_ patterns: [String], groups: [String] = []) -> Snapshot {
        var snapshot = Snapshot()
        for name in patterns + groups {
            let id = GroupID(snapshot.groups.count)
            snapshot.groups.append(ModelGroup(name: name))
            if let pattern = ModelPattern(name, group: id) {
                snapshot.patterns.append(pattern)
            } else {
                snapshot.names[name] = id
            }
        }
        snapshot.patterns.sort { $0.precedes($1) }
        return snapshot
    }

    private func group(_ name: String, in snapshot: Snapshot, provider: String? = nil) -> String? {
        snapshot.resolve(name, provider: { _ in provider }).map { snapshot.groups[Int($0.group.index)].name }
    }

    @Test func `a group of the name wins, then the longest pattern`() {
        let snapshot = Self.snapshot(["*", "openai/*", "openai/gpt-*"], groups: ["openai/gpt-4o"])
        #expect(self.group("openai/gpt-4o", in: snapshot) == "openai/gpt-4o")
        #expect(self.group("openai/gpt-5", in: snapshot) == "openai/gpt-*")
        #expect(self.group("openai/o3", in: snapshot) == "openai/*")
        #expect(self.group("anything", in: snapshot) == "*")
        #expect(self.group("a*", in: snapshot) == nil)
        #expect(self.group("", in: snapshot) == nil)
        #expect(self.group("openai/", in: snapshot) == nil)
        #expect(self.group("anything", in: Self.snapshot([])) == nil)
    }

    @Test func `a bare name is tried behind its provider's, where that is known`() {
        let snapshot = Self.snapshot(["openai/*"])
        #expect(self.group("gpt-4o", in: snapshot) == nil)
        #expect(self.group("gpt-4o", in: snapshot, provider: "openai") == "openai/*")
        #expect(snapshot.resolve("gpt-4o", provider: { _ in "openai" })?.captures == ["gpt-4o"])
        #expect(self.group("x/gpt-4o", in: snapshot, provider: "openai") == nil)
    }

    @Test func `a model that the file names has the captures that were found at load`() {
        var snapshot = Self.snapshot(["openai/*"], groups: ["openai/o3"])
        snapshot.groups[1].servedBy = GroupID(0)
        snapshot.groups[1].captures = ["o3"]
        snapshot.names["alias"] = GroupID(1)
        let match = ModelMatch(group: GroupID(1), captures: ["o3"], name: "openai/o3")
        #expect(snapshot.resolve("alias") == match)
        #expect(snapshot.resolve("openai/o3") == match)
    }
}
