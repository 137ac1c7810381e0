// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What a provider counts.
enum RateKind: Int {
    case requests
    case tokens
    case promptTokens
    case completionTokens

    static let all: [RateKind] = [.requests, .tokens, .promptTokens, .completionTokens]
}

/// Requests and tokens, as reserved, used or added up; below zero where more came back than went.
struct RateCounts: Sendable, Hashable {
    var requests: Int64 = 0
    var prompt: Int64 = 0
    var completion: Int64 = 0

    static let none = RateCounts()
    /// The least that any attempt takes.
    static let smallest = RateCounts(requests: 1, prompt: 1, completion: 0)

    /// What is counted under a limit of this kind.
    func amount(_ kind: RateKind) -> Int64 {
        switch kind {
        case .requests: self.requests
        case .tokens: self.prompt + self.completion
        case .promptTokens: self.prompt
        case .completionTokens: self.completion
        }
    }

    static func + (left: RateCounts, right: RateCounts) -> RateCounts {
        RateCounts(
            requests: left.requests + right.requests,
            prompt: left.prompt + right.prompt,
            completion: left.completion + right.completion
        )
    }

    static func - (left: RateCounts, right: RateCounts) -> RateCounts {
        RateCounts(
            requests: left.requests - right.requests,
            prompt: left.prompt - right.prompt,
            completion: left.completion - right.completion
        )
    }
}

extension RateLimits {
    subscript(_ kind: RateKind) -> Double? {
        switch kind {
        case .requests: self.requestsPerMinute
        case .tokens: self.tokensPerMinute
        case .promptTokens: self.promptTokensPerMinute
        case .completionTokens: self.completionTokensPerMinute
        }
    }

    /// Whether nothing at all may be asked.
    var isClosed: Bool { RateKind.all.contains { self[$0] == 0 } }
}

extension RateReport {
    subscript(_ kind: RateKind) -> Meter {
        switch kind {
        case .requests: self.requests
        case .tokens: self.tokens
        case .promptTokens: self.promptTokens
        case .completionTokens: self.completionTokens
        }
    }
}
