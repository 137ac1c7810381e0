// Fanout
// SPDX-License-Identifier: Apache-2.0

package import Logging

/// Hands the lines of swift-log to a sink.
package struct FanoutLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level = .info
    private let sink: LogSink

    /// Makes a handler.
    package init(sink: LogSink) {
        self.sink = sink
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var metadata = self.metadata
        if let own = event.metadata { metadata.merge(own) { $1 } }
        if let error = event.error { metadata["error"] = "\(error)" }
        self.sink.take(
            LogLine(
                microseconds: LogSink.now(),
                level: event.level,
                message: event.message.description,
                fields: metadata.sorted { $0.key < $1.key }.map { LogLine.Field($0.key, $0.value.description) }
            )
        )
    }
}
