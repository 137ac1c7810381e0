// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Writes metrics in Prometheus' text format, version 0.0.4.
///
/// See "Exposition formats" in Prometheus' documentation: the samples of one name stand together, below its HELP and
/// TYPE.
package struct PrometheusText: Sendable {
    /// A label and its value, which may hold any text.
    package typealias Label = (name: StaticString, value: String)

    /// The media type of the text.
    package static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var bytes: [UInt8] = []
    private var name: StaticString = ""

    init() {}

    /// Begins a metric; its samples follow.
    mutating func metric(_ name: StaticString, _ type: StaticString, _ help: StaticString) {
        self.name = name
        self.write("# HELP \(name) \(help)\n# TYPE \(name) \(type)\n")
    }

    /// A sample of the present metric.
    mutating func sample(_ value: String, _ labels: [Label] = []) {
        self.line("", Self.rendered(labels), value)
    }

    /// A whole number.
    mutating func sample(_ value: some FixedWidthInteger, _ labels: [Label] = []) {
        self.sample(String(value), labels)
    }

    /// The samples of a histogram.
    mutating func histogram(_ histogram: Histogram, _ labels: [Label]) {
        let own = Self.rendered(labels)
        let before = own.isEmpty ? "" : own + ","
        var sum: UInt64 = 0
        let scale: (UInt64) -> String = histogram.buckets.isTime ? { Self.millionths($0) } : { String($0) }
        for (bound, count) in zip(histogram.buckets.bounds, histogram.counts) {
            sum += count
            self.line("_bucket", "\(before)le=\"\(scale(bound))\"", String(sum))
        }
        let count = histogram.count
        self.line("_bucket", "\(before)le=\"+Inf\"", String(count))
        self.line("_sum", own, scale(histogram.sum))
        self.line("_count", own, String(count))
    }

    /// A number of millionths, exactly: `1500000` is `1.5`.
    static func millionths(_ value: UInt64) -> String { Self.decimal(value, digits: 6) }

    /// A number of billionths, exactly.
    static func billionths(_ value: UInt64) -> String { Self.decimal(value, digits: 9) }

    private static func decimal(_ value: UInt64, digits: Int) -> String {
        var text = String(value)
        text = String(repeating: "0", count: max(0, digits + 1 - text.utf8.count)) + text
        let point = text.index(text.endIndex, offsetBy: -digits)
        var fraction = text[point...]
        while fraction.last == "0" { fraction.removeLast() }
        return fraction.isEmpty ? String(text[..<point]) : "\(text[..<point]).\(fraction)"
    }

    private mutating func line(_ suffix: StaticString, _ labels: String, _ value: String) {
        self.write(labels.isEmpty ? "\(self.name)\(suffix) \(value)\n" : "\(self.name)\(suffix){\(labels)} \(value)\n")
    }

    private mutating func write(_ text: String) { self.bytes.append(contentsOf: text.utf8) }

    private static func rendered(_ labels: [Label]) -> String {
        labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
    }

    /// A backslash, a quotation mark and a line feed would end the value or the line.
    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else { return value }
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
