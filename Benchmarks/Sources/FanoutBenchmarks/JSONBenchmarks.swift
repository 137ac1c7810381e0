// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// JSON by itself.
func runJSONBenchmarks(_ stopwatch: Stopwatch) throws {
    let completion = Array(Samples.completion.utf8)
    try stopwatch.measure("JSON skip", per: "completion of \(completion.count) bytes") {
        try withJSONReader(completion) { reader in
            try reader.skip()
            try reader.end()
            return 1
        }
    }
    try stopwatch.measure("JSON write", per: "text of 900 bytes") {
        var writer = JSONWriter(capacity: 1_024)
        writer.beginObject()
        writer.key("content")
        writer.string(Samples.text)
        writer.endObject()
        return writer.finish().count
    }
}
