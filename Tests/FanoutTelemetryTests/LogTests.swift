// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import Foundation
import Logging
import Synchronization
import Testing

@testable import FanoutTelemetry

@Suite struct LogTests {
    private static func line(_ message: String = "m", at seconds: UInt64 = 0, level: Logger.Level = .info) -> LogLine {
        LogLine(microseconds: seconds * 1_000_000, level: level, message: message)
    }

    // MARK: Forms

    @Test func `a line of logfmt has its pairs, quoted where they need it`() {
        var line = Self.line("item finished")
        line.microseconds = 1_795_919_480_123_456
        line.fields = [.init("code", "OK"), .init("words", "a \"b\"\n\u{1B}[2J"), .init("none", "")]
        #expect(
            String(decoding: line.logfmt(), as: UTF8.self)
                == "time=2026-11-29T02:31:20.123Z level=info message=\"item finished\" code=OK "
                + "words=\"a \\\"b\\\"\\n?[2J\" none=\"\"\n"
        )
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"), (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] as [(UInt64, String)]
    )
    func `days are those of the calendar`(seconds: UInt64, text: String) {
        #expect(Timestamp.text(seconds * 1_000_000) == text)
    }

    @Test func `a line of JSON can be read back`() throws {
        var line = Self.line("a \"b\"\n")
        line.fields = [.init("batch", "1/2"), .init("error", "\u{1}ü")]
        let object = try JSONSerialization.jsonObject(with: Data(line.json())) as? [String: String]
        #expect(object?["message"] == "a \"b\"\n" && object?["error"] == "\u{1}ü" && object?["batch"] == "1/2")
    }

    @Test func `the journal gets fields in capitals, and a value of two lines by its length`() {
        var line = Self.line("m", level: .error)
        line.fields = [.init("batch", "1/2"), .init("error", "a\nb"), .init("_bad", "x"), .init("b-c", "y")]
        let length: [UInt8] = [3, 0, 0, 0, 0, 0, 0, 0]
        let expected =
            Array("MESSAGE=m\nPRIORITY=3\nSYSLOG_IDENTIFIER=x\nBATCH=1/2\nERROR\n".utf8) + length + Array("a\nb\n".utf8)
        #expect(line.journal(identifier: "x") == expected)
    }

    @Test(arguments: ["x", "ü", "\u{1}", "\"", "€"])
    func `no line is longer than a pipe takes at once, and long values end between characters`(unit: String) throws {
        var line = Self.line(String(repeating: unit, count: 5_000))
        line.fields = (0..<40).map { LogLine.Field("field_\($0)", String(repeating: unit, count: 3_000)) }
        #expect(line.logfmt().count <= LogLine.bytesMax)
        let json = line.json()
        #expect(json.count <= 2 * LogLine.bytesMax)
        if unit != "\u{1}" { #expect(json.count <= LogLine.bytesMax) }
        #expect(String(validating: line.logfmt(), as: UTF8.self) != nil)
        _ = try JSONSerialization.jsonObject(with: Data(json))
    }

    // MARK: Bounds

    @Test func `the same line too often is left out and counted, and said later; another passes`() {
        let taken = Mutex<[LogLine]>([])
        let sink = LogSink { line in
            taken.withLock { $0.append(line) }
            return true
        }
        for _ in 0..<100 { sink.take(Self.line("same", at: 1)) }
        sink.take(Self.line("other", at: 1))
        #expect(taken.withLock { $0.count } == LogLimiter.linesMax + 1)
        #expect(sink.dropped == 80)
        sink.take(Self.line("same", at: 20))
        let last = taken.withLock { $0.suffix(2) }
        #expect(last.first?.fields == [.init("lines", "80"), .init("like", "same")] && last.last?.message == "same")
    }

    @Test func `lines of debug are never left out`() {
        let count = Mutex(0)
        let sink = LogSink { _ in
            count.withLock { $0 += 1 }
            return true
        }
        for _ in 0..<100 { sink.take(Self.line("same", level: .debug)) }
        #expect(count.withLock { $0 } == 100 && sink.dropped == 0)
    }

    @Test func `however many messages there are, the limiter tells only so many apart`() {
        var limiter = LogLimiter()
        var passed = 0
        for number in 0..<1_000 where limiter.pass(Self.line("message \(number)")).passes { passed += 1 }
        #expect(passed == LogLimiter.messagesMax + LogLimiter.linesMax)
        #expect(limiter.leftOut == UInt64(1_000 - passed))
    }

    @Test func `a full pipe loses lines, never waits, and their number is told once there is room`() throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let sink = LogSink(output: LogOutput(form: .logfmt, descriptor: ends[1]))
        for _ in 0..<10_000 { sink.take(Self.line("a line of some length", level: .debug)) }
        let lost = sink.dropped
        #expect(lost > 0)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        _ = read(ends[0], &buffer, buffer.count)
        sink.take(Self.line("room", level: .debug))
        let count = read(ends[0], &buffer, buffer.count)
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        #expect(text.contains("message=room") && text.contains("lines=\(lost)"))
    }

    @Test func `the journal is taken only where standard error is its stream`() throws {
        let folder = FileManager.default.temporaryDirectory.path
        let path = "\(folder)/journal-\(UUID().uuidString.prefix(8))"
        let journal = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        defer { close(journal) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(journal, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        defer { unlink(path) }
        var info = stat()
        try #require(fstat(journal, &info) == 0)
        let stream = "\(info.st_dev):\(info.st_ino)"
        #expect(LogOutput.journal(stream: nil, standardError: journal, path: path) == nil)
        #expect(LogOutput.journal(stream: "1:2", standardError: journal, path: path) == nil)
        #expect(LogOutput.journal(stream: stream, standardError: journal, path: path + "x") == nil)
        let output = try #require(LogOutput.journal(stream: stream, standardError: journal, path: path))
        #expect(output.write(Self.line("hello")))
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(journal, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).hasPrefix("MESSAGE=hello\nPRIORITY=6\n"))
    }
}
