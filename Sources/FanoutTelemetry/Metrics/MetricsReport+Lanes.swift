// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The metrics of lanes, and of the calls that were made on them.
extension MetricsReport {
    func writeLanes(_ text: inout PrometheusText) {
        text.metric("fanout_lane_state", "gauge", "1 for the state that the lane is in, 0 for the others.")
        for lane in self.lanes {
            for state in LaneState.allCases {
                text.sample(lane.status.state == state ? 1 : 0, lane.labels + [("state", state.name)])
            }
        }
        text.metric("fanout_lane_in_flight", "gauge", "Attempts under way on the lane.")
        for lane in self.lanes { text.sample(lane.status.inFlight, lane.labels) }
        text.metric("fanout_lane_limit", "gauge", "The most attempts in flight at present.")
        for lane in self.lanes { text.sample(lane.status.limit, lane.labels) }
        text.metric("fanout_attempts_total", "counter", "Attempts that have ended, by code; OK = a response.")
        for lane in self.lanes {
            let attempts = lane.counts.attempts
            text.sample(attempts.succeeded, lane.labels + [("code", "OK")])
            for own in attempts.failures { text.sample(own.count, lane.labels + [("code", own.code.name)]) }
        }
        let counters: [(StaticString, StaticString, KeyPath<LaneCounts, UInt64>)] = [
            ("fanout_retries_total", "Attempts of items that had been tried before.", \.retries),
            ("fanout_fallbacks_total", "Attempts in the place of another model group.", \.fallbacks),
            ("fanout_http_429_total", "Answers with HTTP status 429.", \.tooManyRequests),
            ("fanout_cooldowns_total", "Times that the lane began to cool.", \.cooldowns),
        ]
        for (name, help, count) in counters {
            text.metric(name, "counter", help)
            for lane in self.lanes { text.sample(lane.counts[keyPath: count], lane.labels) }
        }
        text.metric("fanout_cost_usd_total", "counter", "US dollars, as far as prices are known.")
        for lane in self.lanes { text.sample(PrometheusText.billionths(lane.counts.costNanoUSD), lane.labels) }
    }

    /// Names and attributes of OpenTelemetry's semantic conventions for generative AI, in Prometheus' spelling.
    func writeCalls(_ text: inout PrometheusText) {
        text.metric(
            "gen_ai_client_operation_duration_seconds",
            "histogram",
            "Attempts from start to end; those that failed have an error_type."
        )
        self.forEachOperation { labels, own in
            text.histogram(own.duration, labels)
            for (code, histogram) in own.failures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                text.histogram(histogram, labels + [("error_type", code.name)])
            }
        }
        text.metric(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "histogram",
            "Streamed attempts from start to the first content."
        )
        self.forEachOperation { text.histogram($1.firstContent, $0) }
        text.metric("gen_ai_client_token_usage", "histogram", "Tokens of an attempt as its provider reported them.")
        self.forEachOperation { labels, own in
            text.histogram(own.input, labels + [("gen_ai_token_type", "input")])
            text.histogram(own.output, labels + [("gen_ai_token_type", "output")])
        }
    }

    private func forEachOperation(_ body: ([PrometheusText.Label], LaneCounts.Distributions) -> Void) {
        for lane in self.lanes {
            for operation in LaneCounts.Operation.allCases {
                guard let own = lane.counts.distributions(of: operation) else { continue }
                let attributes: [PrometheusText.Label] = [
                    ("gen_ai_operation_name", operation.name), ("gen_ai_provider_name", lane.status.provider),
                    ("gen_ai_request_model", lane.status.model),
                ]
                body(attributes + lane.labels, own)
            }
        }
    }
}

extension MetricsReport.Lane {
    var labels: [PrometheusText.Label] {
        [("deployment", self.status.deployment), ("group", self.status.group), ("id", self.id)]
    }
}
