// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutRouter

extension Refusal {
    /// What an item that ran out of time, or would, is told.
    func wordsOfDeadline(group: String, tenant: String) -> String {
        if self.obstacle == .tenantRates, let words = self.words(group: group, tenant: tenant) { return words }
        let advice = "raise deadline_ms or add capacity"
        if self.isForeseen {
            return "'\(group)' can't answer before the deadline: with what waits before it, that would take at least"
                + " \(self.earliestMilliseconds) ms: \(advice)"
        }
        let earliest =
            self.earliestMilliseconds == 0
            ? "" : "; the earliest possible start was in \(self.earliestMilliseconds) ms"
        return "the deadline leaves no time for another attempt at '\(group)'\(earliest): \(advice)"
    }

    /// What stood between an item and every lane of its groups, and what would help; `nil` = the router named nothing.
    func words(group: String, tenant: String) -> String? {
        let none = "no deployment of '\(group)'"
        let again =
            self.earliestMilliseconds == 0
            ? "raise it" : "raise it, or try again in \(self.earliestMilliseconds) ms, when it begins anew"
        switch self.obstacle {
        case .none: return nil
        case .needs:
            return "\(none) offers all that this request needs: see `fanout status` for what they offer"
        case .region:
            return "\(none) is in the item's region: ask for another, or give a deployment its region_name"
        case .contextWindow:
            return "the prompt is longer than each context window of '\(group)' and its fallbacks:"
                + " shorten it, or configure context_window_fallbacks"
        case .tags:
            return "\(none) is open to the item's tags: change them, or tag a deployment for them, or one as default"
        case .providerBudget: return "the budget of the provider that serves '\(group)' is spent: \(again)"
        case .deploymentBudget: return "the budget of each deployment of '\(group)' is spent: \(again)"
        case .tagBudget: return "the budget of one of the item's tags is spent: \(again)"
        case .tenantBudget: return "the budget of the tenant '\(tenant)' is spent: \(again)"
        case .tenantRates:
            return "the tenant '\(tenant)' had used up its rpm or tpm until the deadline, and could go on in"
                + " \(self.earliestMilliseconds) ms: ask for more in fanout.tenants, raise deadline_ms, or send less"
        case .batchBudget: return "the batch has spent its max_cost_nano_usd: raise it to run the rest"
        }
    }
}
