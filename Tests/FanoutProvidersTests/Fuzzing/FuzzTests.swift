// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Foundation
import Glibc
import Testing

/// Broken answers: whatever comes, a decoder ends with an answer or a failure that says something, in little time and
/// memory, and in the same way however the bytes are cut.
///
/// The same seeds run each time; `scripts/fuzz` runs others for as long as is wanted.
@Suite(.serialized) struct FuzzTests {
    /// Seconds for each seed; nil = a fixed count of cases.
    static let seconds = ProcessInfo.processInfo.environment["FANOUT_FUZZ_SECONDS"].flatMap(Double.init)
    static let firstSeed = ProcessInfo.processInfo.environment["FANOUT_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    /// Only the answers whose names begin so.
    static let name = ProcessInfo.processInfo.environment["FANOUT_FUZZ_NAME"] ?? ""
    static let casesPerSeed = 100
    /// What a case may take in a debug build; the largest has some 20 KB.
    static let millisecondsMax = 2_000.0
    static let growthBytesMax = 64 << 20

    @Test(arguments: FuzzSeed.all.filter { $0.name.hasPrefix(name) })
    func `a broken answer is decoded the same at any cut, soon, and without keeping memory`(seed: FuzzSeed) throws {
        let start = Date()
        var count = 0
        var before = 0
        while Self.seconds.map({ -start.timeIntervalSinceNow < $0 }) ?? (count < Self.casesPerSeed) {
            let number = Self.firstSeed &+ UInt64(count)
            guard self.runs(seed, number) else { return }
            count += 1
            // Once caches and pools are warm.
            if count == Self.casesPerSeed / 2 { before = Self.residentBytes }
        }
        // In a run of all tests others use the same memory.
        guard Self.seconds != nil else { return }
        let growth = Self.residentBytes - before
        #expect(growth < Self.growthBytesMax, "\(growth) bytes more after \(count) cases")
        print("fuzz: \(seed.name): \(count) cases from seed \(Self.firstSeed), \(growth) bytes")
    }

    /// One case; false = it failed.
    private func runs(_ seed: FuzzSeed, _ number: UInt64) -> Bool {
        var mutator = Mutator(generator: SeededGenerator(seed: number))
        let other = FuzzSeed.all.randomElement(using: &mutator.generator)?.bytes ?? []
        let bytes = seed.sent(mutator.mutated(seed.bytes, with: other))
        let start = Self.processorMilliseconds
        let whole = self.decoded(seed, [bytes])
        let cut = self.decoded(seed, pieces(of: bytes, using: &mutator.generator))
        let milliseconds = Self.processorMilliseconds - start
        let isSame = Self.isSame(whole.result, cut.result) && whole.deltas == cut.deltas
        let isTold = if case .failure(let failure) = whole.result { !failure.message.isEmpty } else { true }
        let isFine = isSame && isTold && milliseconds < Self.millisecondsMax
        #expect(isFine, "\(seed.name), seed \(number), \(milliseconds) ms: \(whole.result) and \(cut.result)")
        return isFine
    }

    private func decoded(_ seed: FuzzSeed, _ pieces: [[UInt8]]) -> Decoded {
        decode(
            pieces,
            request: seed.request,
            endpoint: .of(seed.provider),
            stream: seed.isStream,
            head: AnswerHead(status: seed.status),
            bodyBytesMax: 1 << 20
        )
    }

    private static func isSame(_ left: Result<Response, Failure>, _ right: Result<Response, Failure>) -> Bool {
        switch (left, right) {
        case (.success(let left), .success(let right)): left == right
        case (.failure(let left), .failure(let right)): left == right
        default: false
        }
    }

    /// What this thread has used of a processor: a machine that is busy otherwise changes nothing.
    private static var processorMilliseconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1_000 + Double(time.tv_nsec) / 1_000_000
    }

    /// What this process has in memory, as `/proc/self/statm` says (proc(5)).
    private static var residentBytes: Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let words = text.split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * 4_096 : 0
    }
}
