// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Foundation
import Testing

@testable import FanoutWire

/// Broken streams of frames: the same frames and the same fault come out wherever the stream is cut, memory stays
/// within its bound, and what is taken for good says the same when it is sent on.
///
/// The same seeds run each time; `scripts/fuzz` runs others for as long as is wanted.
@Suite(.serialized) struct FuzzTests {
    static let seconds = ProcessInfo.processInfo.environment["FANOUT_FUZZ_SECONDS"].flatMap(Double.init)
    static let firstSeed = ProcessInfo.processInfo.environment["FANOUT_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    static let cases = 400

    private struct Outcome: Equatable {
        var frames: [Result<ClientFrame, WireError>] = []
        var fault: WireError?
        var isMidFrame = false
    }

    @Test func `a broken stream gives the same frames wherever it is cut, within its memory`() throws {
        let start = Date()
        var count = 0
        var accepted = 0
        while Self.seconds.map({ -start.timeIntervalSinceNow < $0 }) ?? (count < Self.cases) {
            let seed = Self.firstSeed &+ UInt64(count)
            var generator = Generator(seed: seed)
            let stream = try self.stream(&generator)
            let whole = self.outcome(stream, pieces: [stream.count])
            let cuts = (0..<generator.below(12)).map { _ in 1 + generator.below(max(1, stream.count / 4)) }
            let cut = self.outcome(stream, pieces: cuts + [stream.count])
            #expect(whole == cut, "seed \(seed)")
            for case .success(let frame) in whole.frames {
                accepted += 1
                self.checkRoundTrip(frame, seed: seed)
            }
            count += 1
        }
        #expect(accepted > count / 4, "hardly anything was a frame")
        if Self.seconds != nil {
            print("fuzz: frames: \(count) streams from seed \(Self.firstSeed), \(accepted) frames")
        }
    }

    /// Some frames, most of them with faults.
    private func stream(_ generator: inout Generator) throws -> [UInt8] {
        var stream: [UInt8] = []
        for _ in 0...generator.below(4) {
            var bytes = try Codec.encode(generator.clientFrame())
            if generator.below(3) > 0 { self.spoil(&bytes, &generator) }
            // Mostly with a length that fits, so that what is inside is looked at.
            if generator.below(4) > 0, bytes.count > 4 {
                let count = UInt32(bytes.count - 4)
                for place in 0..<4 { bytes[place] = UInt8(truncatingIfNeeded: count >> UInt32(24 - 8 * place)) }
            }
            stream += bytes
        }
        return stream
    }

    private func spoil(_ bytes: inout [UInt8], _ generator: inout Generator) {
        for _ in 0...generator.below(4) where bytes.count > 5 {
            let place = 4 + generator.below(bytes.count - 4)
            let end = min(bytes.count, place + 1 + generator.below(20))
            switch generator.below(6) {
            case 0: bytes[place] ^= 1 << UInt8(generator.below(8))
            case 1: bytes[place] = UInt8(generator.below(256))
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 4: bytes.removeSubrange(end...)
            default:
                let piece = Array(bytes[place..<end])
                bytes.insert(contentsOf: (0..<generator.below(400)).flatMap { _ in piece }, at: place)
            }
        }
    }

    private func outcome(_ stream: [UInt8], pieces: [Int]) -> Outcome {
        var outcome = Outcome()
        var cutter = FrameDecoder(frameBytesMax: 1 << 20)
        var decoder = WireDecoder()
        var rest = stream[...]
        for size in pieces {
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(size)
            do throws(WireError) {
                try Codec.withBytes(piece) { bytes throws(WireError) in
                    var chunk = bytes
                    while let body = try cutter.next(&chunk) {
                        outcome.frames.append(Result { () throws(WireError) in try decoder.decodeClient(body) })
                    }
                }
            } catch {
                outcome.fault = error
                break
            }
            let held = cutter.bufferedBytes
            #expect(held <= (1 << 20) + 4)
        }
        let kept = decoder.heldBytes
        #expect(kept <= 4 << 20)
        outcome.isMidFrame = cutter.isMidFrame
        return outcome
    }

    /// What was decoded is the same once it is encoded and decoded again; what was refused can't be encoded.
    private func checkRoundTrip(_ frame: ClientFrame, seed: UInt64) {
        let items: [WireItem]
        switch frame.body {
        case .submit(let submit): items = submit.items
        case .append(let append): items = append.items
        case .unknown, .refused: return
        default: items = []
        }
        let areWhole = items.allSatisfy { if case .item = $0 { true } else { false } }
        guard areWhole, let bytes = try? Codec.encode(frame) else { return }
        let again = try? Codec.decodeClient(Codec.body(bytes))
        #expect(again == frame, "seed \(seed)")
    }
}
