// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Foundation
import Testing

/// Broken configurations: each loads into a snapshot whose places exist, or is refused with a sentence at a place of
/// the file, soon and without a key in what is said.
///
/// The same seeds run each time; `scripts/fuzz` runs others for as long as is wanted.
@Suite(.serialized) struct FuzzTests {
    static let seconds = ProcessInfo.processInfo.environment["FANOUT_FUZZ_SECONDS"].flatMap(Double.init)
    static let firstSeed = ProcessInfo.processInfo.environment["FANOUT_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    static let cases = 150
    static let secondsMax = 10.0
    private static let key = "sk-fuzzed-0123456789"

    /// SplitMix64.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = self.state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    /// What readers of YAML and of settings stumble over.
    private static let tokens = [
        "{", "}", "[", "]", ":", ": ", "- ", "\n", "\n  ", "\t", "#", "|", ">", "\"", "'", "&a ", "*a", "<<: *a",
        "!!str ",
        "!tag ", "? ", "---\n", "...\n", "%YAML 1.2\n", "null", "~", "true", "no", "0", "-1", "1e999", ".nan", ".inf",
        "18446744073709551616", "0x10", "1_000", "os.environ/NONE", "credential/x", "file/etc/x", "\u{0}", "\u{FEFF}",
        "\u{2028}", "😀", "*", "default", "uid:1", "max_budget", "model_list", "fanout:", "tenants:",
    ]

    @Test func `a broken configuration loads or is refused at a place, soon, and says no key`() {
        let start = Date()
        var count = 0
        var loaded = 0
        while Self.seconds.map({ -start.timeIntervalSinceNow < $0 }) ?? (count < Self.cases) {
            let seed = Self.firstSeed &+ UInt64(count)
            var generator = Generator(state: seed)
            let text = self.broken(&generator)
            let begin = Date()
            do {
                let configuration = try load(text, everyVariable.merging(["OPENAI_API_KEY": Self.key]) { $1 })
                loaded += 1
                self.check(configuration, seed: seed)
            } catch let error as ConfigurationError {
                #expect(!error.diagnostics.isEmpty, "seed \(seed)")
                for diagnostic in error.diagnostics {
                    let isWhole = !diagnostic.message.isEmpty && !diagnostic.description.contains(Self.key)
                    #expect(isWhole, "seed \(seed): \(diagnostic)")
                }
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
            #expect(-begin.timeIntervalSinceNow < Self.secondsMax, "seed \(seed)")
            count += 1
        }
        if Self.seconds != nil { print("fuzz: configuration: \(count) from seed \(Self.firstSeed), \(loaded) loaded") }
    }

    private func broken(_ generator: inout Generator) -> String {
        var bytes = Array((everyRoutingKey + everyKeyOfOurs).utf8)
        // A part of the file alone gets further than all of it with a fault.
        if Bool.random(using: &generator) {
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            let kept = lines.filter { _ in Int.random(in: 0..<12, using: &generator) > 0 }
            bytes = Array(kept.joined(separator: "\n").utf8)
        }
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            let end = min(bytes.count, place + Int.random(in: 1...30, using: &generator))
            let token = Array((Self.tokens.randomElement(using: &generator) ?? "").utf8)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes.removeSubrange(place..<end)
            case 1: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 2 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 3:
                let times = [1, 1, 2, 60, 2_000].randomElement(using: &generator) ?? 1
                bytes.insert(contentsOf: Array(repeatElement(token, count: times).joined()), at: place)
            default: bytes.replaceSubrange(place..<end, with: token)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Every place that the snapshot names is there.
    private func check(_ configuration: LoadedConfiguration, seed: UInt64) {
        let snapshot = configuration.snapshot
        for group in snapshot.groups {
            let lanes = group.lanes.allSatisfy { Int($0.index) < snapshot.deployments.count }
            let named = group.fallbacks + (group.contextWindowFallbacks ?? []) + (group.contentPolicyFallbacks ?? [])
            let groups = (named + [group.servedBy].compactMap(\.self)).allSatisfy {
                Int($0.index) < snapshot.groups.count
            }
            #expect(lanes && groups, "seed \(seed): \(group.name)")
        }
        let ids = Array(snapshot.names.values) + snapshot.patterns.map(\.group) + snapshot.defaultFallbacks
        #expect(ids.allSatisfy { Int($0.index) < snapshot.groups.count }, "seed \(seed)")
        #expect(snapshot.deployments.allSatisfy { Int($0.group.index) < snapshot.groups.count }, "seed \(seed)")
        let accounts = snapshot.deployments.compactMap(\.account)
        #expect(accounts.allSatisfy(snapshot.accounts.indices.contains), "seed \(seed)")
        #expect(snapshot.tenants.rules.allSatisfy { snapshot.tenants.named[$0.tenant] != nil }, "seed \(seed)")
        #expect(configuration.lines.allSatisfy { !$0.contains(Self.key) }, "seed \(seed)")
    }
}
