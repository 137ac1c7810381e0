// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What the attempts on one deployment came to, since the start.
package struct LaneCounts: Sendable {
    /// What a request asks for, as `gen_ai.operation.name` has it.
    package enum Operation: Int, Sendable, CaseIterable {
        case chat
        case completion
        case embedding

        /// OpenTelemetry's word.
        package var name: String {
            switch self {
            case .chat: "chat"
            case .completion: "text_completion"
            case .embedding: "embeddings"
            }
        }

        /// The operation of a request; one without a task never leaves.
        package init(_ task: Request.Task?) {
            switch task {
            case .completion: self = .completion
            case .embedding: self = .embedding
            case .chat, nil: self = .chat
            }
        }
    }

    /// An attempt that has ended.
    package struct Attempt: Sendable {
        /// What was asked for.
        package var operation: Operation
        /// `nil` = success.
        package var code: FailureCode?
        /// The provider's HTTP status; 0 = none.
        package var status: UInt16 = 0
        /// From start to end, in microseconds.
        package var microseconds: UInt64 = 0
        /// From start to the first content of a streamed answer, in microseconds; 0 = none, or it wasn't streamed.
        package var firstContentMicroseconds: UInt64 = 0
        /// As the provider reported; `nil` = it didn't.
        package var usage: Usage?
        /// In 10^-9 US dollars; 0 = nothing or not known.
        package var costNanoUSD: Int64 = 0
        /// The item had been tried before.
        package var isRetry = false
        /// Its group isn't the one that was asked for.
        package var isFallback = false

        /// Makes a record.
        package init(operation: Operation, code: FailureCode?) {
            self.operation = operation
            self.code = code
        }
    }

    /// The distributions of one operation.
    package struct Distributions: Sendable {
        /// Of attempts that succeeded.
        package fileprivate(set) var duration = Histogram(.duration)
        /// Of those that failed, by code.
        package fileprivate(set) var failures: [FailureCode: Histogram] = [:]
        /// Of streamed answers.
        package fileprivate(set) var firstContent = Histogram(.firstContent)
        /// Prompt tokens of each answer that reported them.
        package fileprivate(set) var input = Histogram(.tokens)
        /// Completion tokens of the same.
        package fileprivate(set) var output = Histogram(.tokens)
    }

    /// By ``Operation``; `nil` = there was none.
    private var byOperation: [Distributions?] = Array(repeating: nil, count: Operation.allCases.count)
    /// Attempts of items that had been tried before.
    package private(set) var retries: UInt64 = 0
    /// Attempts as a fallback for another group.
    package private(set) var fallbacks: UInt64 = 0
    /// Answers with HTTP status 429.
    package private(set) var tooManyRequests: UInt64 = 0
    /// Times that it began to cool.
    package private(set) var cooldowns: UInt64 = 0
    /// In 10^-9 US dollars, as far as prices are known.
    package private(set) var costNanoUSD: UInt64 = 0

    /// None.
    package init() {}

    /// The distributions of an operation; `nil` = there was none.
    package func distributions(of operation: Operation) -> Distributions? {
        self.byOperation[operation.rawValue]
    }

    /// Attempts by how they ended.
    package var attempts: (succeeded: UInt64, failures: [(code: FailureCode, count: UInt64)]) {
        var succeeded: UInt64 = 0
        var failed: [FailureCode: UInt64] = [:]
        for case .some(let own) in self.byOperation {
            succeeded += own.duration.count
            for (code, histogram) in own.failures { failed[code, default: 0] += histogram.count }
        }
        return (succeeded, failed.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key, $0.value) })
    }

    /// Counts an attempt.
    package mutating func count(_ attempt: Attempt) {
        let place = attempt.operation.rawValue
        if self.byOperation[place] == nil { self.byOperation[place] = Distributions() }
        self.byOperation[place]?.count(attempt)
        if attempt.isRetry { self.retries += 1 }
        if attempt.isFallback { self.fallbacks += 1 }
        if attempt.status == 429 { self.tooManyRequests += 1 }
        if attempt.costNanoUSD > 0 { self.costNanoUSD &+= UInt64(attempt.costNanoUSD) }
    }

    /// It began to cool.
    package mutating func countCooldown() { self.cooldowns += 1 }
}

extension LaneCounts.Distributions {
    fileprivate mutating func count(_ attempt: LaneCounts.Attempt) {
        if let code = attempt.code {
            self.failures[code, default: Histogram(.duration)].observe(attempt.microseconds)
        } else {
            self.duration.observe(attempt.microseconds)
        }
        if attempt.firstContentMicroseconds > 0 { self.firstContent.observe(attempt.firstContentMicroseconds) }
        guard let usage = attempt.usage else { return }
        self.input.observe(usage.promptTokens)
        self.output.observe(usage.completionTokens)
    }
}
