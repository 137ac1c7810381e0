// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import FanoutJSON
internal import FanoutModel

/// Writes what happened to an item.
enum ExplanationText {
    /// Lines for a person: the end, each attempt, each deployment.
    static func lines(_ found: Explanation) -> [String] {
        let trail = found.trail
        var head = "\(found.model): \(found.code?.name ?? "OK")"
        if !trail.deployment.isEmpty { head += " from \(trail.deployment)" }
        head += ", \(SummaryText.seconds(milliseconds: found.ageMilliseconds)) ago"
        var lines = [head, self.times(trail)]
        if !trail.details.isEmpty {
            let rows = trail.details.map(self.row)
            let head = ["ATTEMPT", "MODEL", "DEPLOYMENT", "CODE", "STATUS", "STARTED", "TOOK", "WHY"]
            lines += [""] + Table.lines([head] + rows)
        }
        if !found.candidates.isEmpty {
            let rows = found.candidates.map { [$0.deployment, $0.isTaken ? "yes" : "no", $0.reason] }
            lines += [""] + Table.lines([["DEPLOYMENT", "TAKEN", "WHY"]] + rows)
        }
        return lines
    }

    private static func times(_ trail: Trail) -> String {
        var parts = [
            "waited \(self.seconds(trail.queuedMicroseconds))", "\(self.seconds(trail.totalMicroseconds)) in all",
            "\(trail.attempts) attempt\(trail.attempts == 1 ? "" : "s")",
        ]
        if trail.firstContentMicroseconds > 0 {
            parts.append("first content after \(self.seconds(trail.firstContentMicroseconds))")
        }
        if trail.fallbacks > 0 { parts.append("\(trail.fallbacks) fallback\(trail.fallbacks == 1 ? "" : "s")") }
        if trail.coalesced { parts.append("shared with an identical request") }
        if let cost = trail.costNanoUSD { parts.append("$\(SummaryText.dollars(cost))") }
        if trail.possiblyBilled > 0 { parts.append("\(trail.possiblyBilled) perhaps billed for nothing") }
        return parts.joined(separator: ", ")
    }

    private static func row(_ attempt: Trail.Attempt) -> [String] {
        [
            "\(attempt.number)", attempt.group, attempt.deployment, attempt.code?.name ?? "OK",
            attempt.providerStatus == 0 ? "-" : "\(attempt.providerStatus)", self.seconds(attempt.startedMicroseconds),
            self.seconds(attempt.totalMicroseconds), attempt.message,
        ]
    }

    private static func seconds(_ microseconds: UInt64) -> String {
        SummaryText.seconds(milliseconds: microseconds / 1_000)
    }

    /// One JSON object, without a line feed.
    static func json(_ found: Explanation) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("model")
        writer.string(found.model)
        writer.key("code")
        writer.string(found.code?.name ?? "OK")
        writer.key("age_ms")
        writer.uint(found.ageMilliseconds)
        ResultLine.members(found.trail, &writer)
        let times: [(StaticString, UInt64)] = [
            ("queued_us", found.trail.queuedMicroseconds), ("total_us", found.trail.totalMicroseconds),
            ("first_content_us", found.trail.firstContentMicroseconds), ("fallbacks", UInt64(found.trail.fallbacks)),
        ]
        for (key, time) in times {
            writer.key(key)
            writer.uint(time)
        }
        writer.key("details")
        writer.beginArray()
        for attempt in found.trail.details { self.object(attempt, &writer) }
        writer.endArray()
        writer.key("candidates")
        writer.beginArray()
        for candidate in found.candidates {
            writer.beginObject()
            writer.key("deployment")
            writer.string(candidate.deployment)
            writer.key("taken")
            writer.bool(candidate.isTaken)
            writer.key("reason")
            writer.string(candidate.reason)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.finish()
    }

    private static func object(_ attempt: Trail.Attempt, _ writer: inout JSONWriter) {
        writer.beginObject()
        let names: [(StaticString, String)] = [
            ("group", attempt.group), ("deployment", attempt.deployment), ("code", attempt.code?.name ?? "OK"),
            ("message", attempt.message),
        ]
        for (key, name) in names {
            writer.key(key)
            writer.string(name)
        }
        let counts: [(StaticString, UInt64)] = [
            ("number", UInt64(attempt.number)), ("status", UInt64(attempt.providerStatus)),
            ("started_us", attempt.startedMicroseconds), ("total_us", attempt.totalMicroseconds),
            ("first_content_us", attempt.firstContentMicroseconds), ("retry_after_ms", attempt.retryAfterMilliseconds),
        ]
        for (key, count) in counts {
            writer.key(key)
            writer.uint(count)
        }
        writer.endObject()
    }
}
