// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter
internal import FanoutUpstream

extension Engine {
    /// What an attempt came to: an answer that its provider has filtered is a refusal where fallbacks are given for it.
    ///
    /// So it is in LiteLLM's Router. Elsewhere the filtered answer is the answer, and so it is where the client has
    /// seen pieces of it, or has no attempt left for a fallback.
    func judged(_ report: AttemptReport, of attempt: ActiveAttempt) -> AttemptReport {
        guard case .success(let response) = report.result, !attempt.run.options.stream,
            case .chat(let choices) = response.body, !choices.isEmpty,
            choices.allSatisfy({ $0.finishReason == .contentFilter })
        else { return report }
        let item = attempt.item.item
        let group = self.snapshot.groups[Int(attempt.dispatch.group.index)]
        guard !item.disableFallbacks, !(group.contentPolicyFallbacks ?? []).isEmpty,
            UInt32(attempt.dispatch.fallback) < self.snapshot.routing.maxFallbacks,
            item.maxAttempts == 0 || attempt.item.attempts < item.maxAttempts
        else { return report }
        var judged = report
        var failure = Failure(
            .contentPolicy,
            "the provider has filtered the answer, and content_policy_fallbacks of '\(group.name)' say who is asked then"
        )
        failure.providerStatus = 200
        judged.result = .failure(failure)
        return judged
    }
}
