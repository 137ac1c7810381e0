// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Counts by kind of failure.
extension ConfigurationBuilder {
    /// LiteLLM's `RetryPolicy` (`suffix` is `Retries`) or `AllowedFailsPolicy` (`AllowedFails`); nil = none is named.
    mutating func failureCounts(_ field: Field?, suffix: String) -> FailureCounts? {
        guard var section = self.reader.section(field) else { return nil }
        var counts = FailureCounts()
        let kinds: [(String, WritableKeyPath<FailureCounts, UInt32?>)] = [
            ("BadRequestError", \.badRequest), ("AuthenticationError", \.authentication), ("TimeoutError", \.timeout),
            ("RateLimitError", \.rateLimit), ("ContentPolicyViolationError", \.contentPolicy),
            ("InternalServerError", \.internalServer), ("ServiceUnavailableError", \.serviceUnavailable),
            ("NotFoundError", \.notFound), ("BadGatewayError", \.badGateway), ("Default", \.others),
        ]
        for (name, path) in kinds {
            var field = section.take(name + suffix)
            // Capitals may be a slip of somebody's key, unless they are known.
            field?.path = "\(section.path).\(name)\(suffix)"
            counts[keyPath: path] = self.reader.count(field, 0...1_000_000)
        }
        self.reader.finish(section, UnreadKeys())
        return counts.isEmpty ? nil : counts
    }

    /// `model_group_retry_policy`, once the names are known.
    mutating func applyRetryPolicies(to directory: inout GroupDirectory) {
        guard let section = self.reader.section(self.groupRetryPolicies) else { return }
        for field in section.fields {
            guard let policy = self.failureCounts(field, suffix: "Retries") else { continue }
            if let group = directory.subject(field.key) {
                directory.groups[Int(group.index)].retryPolicy = policy
            } else {
                self.warnOfUnknownGroup(field, directory)
            }
        }
    }

    mutating func warnOfUnknownGroup(_ field: Field, _ directory: GroupDirectory) {
        let hint = Spelling.hint(field.key, among: directory.known)
        self.reader.warn(field.keyAlone, "this is about a model_name that doesn't exist\(hint)")
    }
}
