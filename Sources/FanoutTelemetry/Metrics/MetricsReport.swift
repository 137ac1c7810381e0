// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// Everything that the daemon counts, gathered at the moment in which somebody asks for it.
///
/// Counts are plain integers beside what they count, all on the one event loop, and what is a state (queues, lanes,
/// buffers) is read where it is; so counting takes no lock, no atomic operation and no look-up by name, and a scrape
/// pays for the text. Labels are lanes, classes and codes: their number is bounded by the configuration, and no word of
/// a client is among them.
package struct MetricsReport: Sendable {
    /// One deployment.
    package struct Lane: Sendable {
        /// Tells deployments of one name and group apart; the same after a reload.
        package var id: String
        /// What it is doing.
        package var status: LaneStatus
        /// What came of its attempts.
        package var counts: LaneCounts

        /// Puts the parts together.
        package init(id: String, status: LaneStatus, counts: LaneCounts) {
            self.id = id
            self.status = status
            self.counts = counts
        }
    }

    /// As Status says it.
    package var status: DaemonStatus
    /// The deployments in use.
    package var lanes: [Lane] = []
    /// The budgets of providers, deployments and tags.
    package var budgets: [BudgetStatus] = []
    /// Items that are final.
    package var items = CodeCounts()
    /// Batches and connections that were refused.
    package var refusals = CodeCounts()
    /// How late the event loop's own timer was.
    package var loopLag = Histogram(.lag)
    /// Lines of the log that were left out: the same line came too often, or nobody took it.
    package var logLinesDropped: UInt64 = 0

    /// A report that holds a status alone.
    package init(status: DaemonStatus) {
        self.status = status
    }

    /// The report in Prometheus' text format, UTF-8.
    package func text() -> [UInt8] {
        var text = PrometheusText()
        self.writeDaemon(&text)
        self.writeWork(&text)
        self.writeLanes(&text)
        self.writeCalls(&text)
        return text.bytes
    }

    private func writeDaemon(_ text: inout PrometheusText) {
        text.metric("fanout_build_info", "gauge", "Always 1; the daemon's version is a label.")
        text.sample(1, [("version", self.status.version)])
        text.metric("fanout_uptime_seconds", "gauge", "Since the daemon started.")
        text.sample(PrometheusText.millionths(self.status.uptimeMilliseconds &* 1_000))
        text.metric("fanout_draining", "gauge", "1 while the daemon takes no more batches.")
        text.sample(self.status.isDraining ? 1 : 0)
        text.metric("fanout_connections", "gauge", "Open connections of clients.")
        text.sample(self.status.connections)
        text.metric("fanout_buffered_bytes", "gauge", "Decoded items, blobs, reorder buffers and unread output.")
        text.sample(self.status.bufferedBytes)
        text.metric("fanout_buffered_bytes_max", "gauge", "The bound of fanout_buffered_bytes.")
        text.sample(self.status.bufferedBytesMax)
        text.metric("fanout_loop_lag_seconds", "histogram", "How late a timer of the event loop fired, once a second.")
        text.histogram(self.loopLag, [])
        text.metric("fanout_log_lines_dropped_total", "counter", "Lines of the log that were left out.")
        text.sample(self.logLinesDropped)
    }

    private func writeWork(_ text: inout PrometheusText) {
        text.metric("fanout_batches", "gauge", "Batches under way.")
        text.sample(self.status.batches)
        text.metric("fanout_queued_items", "gauge", "Items that wait.")
        for own in self.status.classes { text.sample(own.queued, [("class", own.priorityClass.word)]) }
        text.metric("fanout_running_items", "gauge", "Items with at least one attempt in flight.")
        for own in self.status.classes { text.sample(own.running, [("class", own.priorityClass.word)]) }
        text.metric("fanout_attempts_in_flight", "gauge", "Attempts under way.")
        text.sample(self.status.running)
        text.metric("fanout_items_total", "counter", "Items that are final, by code; OK = a response.")
        text.sample(self.items.succeeded, [("code", "OK")])
        for own in self.items.failures { text.sample(own.count, [("code", own.code.name)]) }
        text.metric("fanout_refusals_total", "counter", "Batches and connections that were refused, by code.")
        for own in self.refusals.failures { text.sample(own.count, [("code", own.code.name)]) }
        text.metric("fanout_budget_spent_usd", "gauge", "US dollars spent in a budget's running window.")
        for own in self.budgets {
            let labels: [PrometheusText.Label] = [("kind", own.kind.rawValue), ("name", own.name), ("id", own.id)]
            text.sample(PrometheusText.billionths(UInt64(max(0, own.spentNanoUSD))), labels)
        }
        text.metric("fanout_budget_limit_usd", "gauge", "US dollars that a budget allows in one window.")
        for own in self.budgets {
            let labels: [PrometheusText.Label] = [("kind", own.kind.rawValue), ("name", own.name), ("id", own.id)]
            text.sample(PrometheusText.billionths(UInt64(max(0, own.limitNanoUSD))), labels)
        }
    }
}
