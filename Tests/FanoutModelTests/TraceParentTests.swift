// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@Suite struct TraceParentTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let span = "b7ad6b7169203331"
    private static let zeros = String(repeating: "0", count: 32)

    @Test(arguments: [
        "00-\(trace)-\(span)-01", "00-\(trace)-\(span)-00", "01-\(trace)-\(span)-01", "cc-\(trace)-\(span)-01-beef",
    ])
    func `a trace context of this version, or of a later one, has a trace id`(text: String) {
        #expect(TraceParent.traceID(of: text).map(String.init) == Self.trace)
    }

    @Test(arguments: [
        "", "00", "ff-\(trace)-\(span)-01", "00-\(zeros)-\(span)-01", "00-\(trace)-\(zeros.prefix(16))-01",
        "00-\(trace)-\(span)-01-beef", "00-\(trace.uppercased())-\(span)-01", "00-\(trace)-\(span)-0g",
        "00-\(trace)-\(span)-01\r\nx-evil: 1", "01-\(trace)-\(span)-01-\r\nx: 1", "00-\(span)-\(trace)-01",
        "00-\(trace)-\(span)-01 ", "01-\(trace)-\(span)-01-\(zeros)\(zeros)\(zeros)",
    ])
    func `what isn't one has none`(text: String) {
        #expect(TraceParent.traceID(of: text) == nil)
    }
}
