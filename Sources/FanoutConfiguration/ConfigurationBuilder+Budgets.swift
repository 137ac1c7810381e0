// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Sums that may be spent: by provider, by tag, by caller, at a deployment.
extension ConfigurationBuilder {
    /// The largest sum in US dollars that still is a whole number of 10^-9 dollars in 64 bits.
    private static let dollarsMax = 9_000_000_000.0
    /// Spans of time in milliseconds: from a second to ten years.
    private static let windows: ClosedRange<UInt64> = 1_000...315_360_000_000

    /// LiteLLM's `max_budget` and `budget_duration`, or nil if there is no sum, or an error.
    ///
    /// Nothing of it may be lost in silence, so a variable that isn't set is an error.
    mutating func budget(_ sum: Field?, per span: Field?) -> Budget? {
        guard let sum, !sum.node.isNull else {
            if let span, !span.node.isFalsy { self.reader.warn(span, "has no effect without a max_budget") }
            return nil
        }
        guard let text = self.required(sum, "the sum") else { return nil }
        guard let dollars = ScalarText.number(text), (0...Self.dollarsMax).contains(dollars) else {
            self.reader.error(sum, "must be a sum in US dollars, such as 12.50")
            return nil
        }
        guard let span, !span.node.isNull else {
            self.reader.error(sum, "needs a budget_duration beside it, after which it starts anew, such as 1d")
            return nil
        }
        guard let length = self.required(span, "the span of time") else { return nil }
        guard let window = ScalarText.milliseconds(length, bareUnit: 1_000), Self.windows.contains(window) else {
            self.reader.error(span, "must be a span of time such as 30s, 12h, 1d or 1mo (30 days), at least 1s")
            return nil
        }
        if dollars == 0 { self.reader.warn(sum, "0 means that nothing may be spent") }
        return Budget(limitNanoUSD: Int64((dollars * 1e9).rounded()), windowMilliseconds: window)
    }

    /// The budget of a section that holds nothing else.
    private mutating func budget(of field: Field) -> Budget? {
        guard var section = self.reader.section(field) else {
            if field.node.isNull { self.reader.error(field, "needs max_budget and budget_duration") }
            return nil
        }
        let limit = section.take("budget_limit")
        let sum = section.take("max_budget")
        let period = section.take("time_period")
        let span = section.take("budget_duration")
        self.reader.finish(section, UnreadKeys())
        guard let sum = limit ?? sum else {
            self.reader.error(field, "needs max_budget: a sum in US dollars")
            return nil
        }
        return self.budget(sum, per: period ?? span)
    }

    /// `provider_budget_config`.
    mutating func readProviderBudgets(_ field: Field?) {
        guard let section = self.reader.section(field) else { return }
        self.providerBudgets = section.fields
        for field in section.fields {
            if let budget = self.budget(of: field) { self.routing.providerBudgets[field.key] = budget }
        }
    }

    /// `tag_budget_config`.
    mutating func readTagBudgets(_ field: Field?) {
        guard let section = self.reader.section(field) else { return }
        for field in section.fields {
            if let budget = self.budget(of: field) { self.routing.tagBudgets[field.key] = budget }
        }
    }

    /// Once all deployments are known.
    mutating func checkBudgets() {
        let providers = Set(self.drafts.map(\.deployment.endpoint.provider))
        for field in self.providerBudgets where !providers.contains(field.key) {
            let hint = Spelling.hint(field.key, among: providers.sorted())
            self.reader.warn(field.keyAlone, "no deployment is of a provider of this name\(hint)")
        }
        let coversAll = !self.routing.tagBudgets.isEmpty || self.tenants.haveBudgets
        for draft in self.drafts where draft.deployment.price == nil {
            let deployment = draft.deployment
            let isCovered =
                deployment.budget != nil || self.routing.providerBudgets[deployment.endpoint.provider] != nil
            guard isCovered || coversAll, deployment.endpoint.format != .simulated else { continue }
            self.reader.log.warnOnce(
                "price under a budget",
                draft.mark,
                draft.path,
                "has no price, so that what it spends counts for no budget; add input_cost_per_token and "
                    + "output_cost_per_token to its litellm_params"
            )
        }
    }
}
