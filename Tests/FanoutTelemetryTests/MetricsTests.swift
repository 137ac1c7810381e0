// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutTelemetry

@Suite struct MetricsTests {
    private static func lane(_ name: String, id: String = "1") -> MetricsReport.Lane {
        var status = LaneStatus()
        status.deployment = name
        status.group = "g"
        status.provider = "openai"
        status.model = "gpt"
        return MetricsReport.Lane(id: id, status: status, counts: LaneCounts())
    }

    private static func report(_ lanes: [MetricsReport.Lane]) -> MetricsReport {
        var status = DaemonStatus()
        status.version = "1"
        status.classes = PriorityClass.allCases.map { ClassStatus($0) }
        var report = MetricsReport(status: status)
        report.lanes = lanes
        return report
    }

    private static func lines(_ report: MetricsReport) -> [Substring] {
        String(decoding: report.text(), as: UTF8.self).split(separator: "\n")
    }

    @Test func `a value is in the first bucket whose bound it doesn't pass, and in all above it`() {
        var histogram = Histogram(.tokens)
        for value: UInt64 in [0, 1, 2, 4, 5, .max] { histogram.observe(value) }
        #expect(histogram.counts.prefix(3) == [2, 2, 1])
        #expect(histogram.counts.last == 1 && histogram.count == 6)
        var text = PrometheusText()
        text.metric("m", "histogram", "Help.")
        text.histogram(histogram, [("a", "b")])
        let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
        #expect(lines.contains("m_bucket{a=\"b\",le=\"1\"} 2"))
        #expect(lines.contains("m_bucket{a=\"b\",le=\"16\"} 5"))
        #expect(lines.contains("m_bucket{a=\"b\",le=\"+Inf\"} 6"))
        #expect(lines.contains("m_count{a=\"b\"} 6"))
    }

    @Test func `times are seconds, exactly`() {
        #expect(PrometheusText.millionths(0) == "0")
        #expect(PrometheusText.millionths(1) == "0.000001")
        #expect(PrometheusText.millionths(1_500_000) == "1.5")
        #expect(PrometheusText.millionths(20_480_000) == "20.48")
        #expect(PrometheusText.billionths(1_000_000_000) == "1")
        #expect(Histogram.Buckets.duration.bounds.last == 81_920_000)
    }

    @Test func `a label's value can't end the label or the line`() {
        var text = PrometheusText()
        text.metric("m", "gauge", "Help.")
        text.sample(1, [("a", "x\"} 9\nfake 1\\")])
        #expect(String(decoding: text.bytes, as: UTF8.self).hasSuffix("m{a=\"x\\\"} 9\\nfake 1\\\\\"} 1\n"))
    }

    @Test func `attempts are counted by code, and what they took goes to OpenTelemetry's names`() {
        var lane = Self.lane("d")
        var good = LaneCounts.Attempt(operation: .chat, code: nil)
        good.microseconds = 15_000
        good.firstContentMicroseconds = 900
        var usage = Usage()
        usage.promptTokens = 7
        usage.completionTokens = 70
        good.usage = usage
        good.costNanoUSD = 2_500_000
        lane.counts.count(good)
        var limited = LaneCounts.Attempt(operation: .chat, code: .rateLimited)
        limited.status = 429
        limited.isRetry = true
        lane.counts.count(limited)
        lane.counts.countCooldown()
        let lines = Self.lines(Self.report([lane]))
        let own = "deployment=\"d\",group=\"g\",id=\"1\""
        let call = "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"openai\",gen_ai_request_model=\"gpt\","
        for line in [
            "fanout_attempts_total{\(own),code=\"OK\"} 1", "fanout_attempts_total{\(own),code=\"RATE_LIMITED\"} 1",
            "fanout_http_429_total{\(own)} 1", "fanout_retries_total{\(own)} 1", "fanout_cooldowns_total{\(own)} 1",
            "fanout_cost_usd_total{\(own)} 0.0025", "fanout_lane_state{\(own),state=\"ok\"} 1",
            "fanout_lane_state{\(own),state=\"cooling\"} 0",
            "gen_ai_client_operation_duration_seconds_bucket{\(call)\(own),le=\"0.02\"} 1",
            "gen_ai_client_operation_duration_seconds_sum{\(call)\(own)} 0.015",
            "gen_ai_client_operation_duration_seconds_count{\(call)\(own),error_type=\"RATE_LIMITED\"} 1",
            "gen_ai_client_operation_time_to_first_chunk_seconds_count{\(call)\(own)} 1",
            "gen_ai_client_token_usage_sum{\(call)\(own),gen_ai_token_type=\"input\"} 7",
            "gen_ai_client_token_usage_sum{\(call)\(own),gen_ai_token_type=\"output\"} 70",
        ] {
            #expect(lines.contains(Substring(line)), "\(line)")
        }
    }

    @Test func `no sample comes twice, and each stands below its own TYPE`() {
        var lane = Self.lane("d")
        var other = Self.lane("d", id: "2")
        for operation in LaneCounts.Operation.allCases {
            lane.counts.count(.init(operation: operation, code: nil))
            other.counts.count(.init(operation: operation, code: .timeout))
        }
        var report = Self.report([lane, other])
        report.refusals.count(.flood)
        report.items.count(nil)
        report.items.count(.timeout)
        report.budgets = [.init(kind: .provider, name: "openai", spentNanoUSD: 1, limitNanoUSD: 2)]
        var seen: Set<Substring> = []
        var typed: Set<Substring> = []
        var present: Substring = ""
        for line in Self.lines(report) {
            if line.hasPrefix("# TYPE ") {
                present = line.split(separator: " ")[2]
                #expect(typed.insert(present).inserted, "\(present) has two types")
            } else if !line.hasPrefix("#") {
                let name = line.prefix { $0 != "{" && $0 != " " }
                #expect(name.hasPrefix(present), "\(line) is below \(present)")
                let series = line.prefix(upTo: line.lastIndex(of: " ") ?? line.endIndex)
                #expect(seen.insert(series).inserted, "\(series) comes twice")
            }
        }
        #expect(seen.contains("fanout_refusals_total{code=\"FLOOD\"}"))
        #expect(seen.contains("fanout_budget_spent_usd{kind=\"provider\",name=\"openai\",id=\"\"}"))
    }
}
