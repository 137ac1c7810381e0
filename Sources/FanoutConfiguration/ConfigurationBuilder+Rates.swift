// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// What a deployment may be asked for in a minute, where it is and how long a prompt it takes.
extension ConfigurationBuilder {
    /// Azure allows this many requests for each thousand tokens a minute, as its documentation of quotas says.
    private static let azureRequestsPerToken = 6.0 / 1_000

    /// The rates of a section, in any of the places where LiteLLM looks for them.
    mutating func rates(_ section: inout Section) -> RateLimits {
        var rates = RateLimits()
        rates.requestsPerMinute = self.rate(section.take("rpm"))
        rates.tokensPerMinute = self.rate(section.take("tpm"))
        return rates
    }

    /// `litellm_params` win over the entry itself, and that over `model_info`.
    mutating func readRates(
        _ params: inout ParameterLayers,
        _ top: RateLimits,
        _ info: inout Section,
        into deployment: inout Deployment
    ) {
        let requests = self.rate(params.take("rpm"))
        let tokens = self.rate(params.take("tpm"))
        let last = self.rates(&info)
        deployment.requestsPerMinute = requests ?? top.requestsPerMinute ?? last.requestsPerMinute
        deployment.tokensPerMinute = tokens ?? top.tokensPerMinute ?? last.tokensPerMinute
        deployment.promptTokensPerMinute = self.rate(params.take("itpm"))
        deployment.completionTokensPerMinute = self.rate(params.take("otpm"))
    }

    /// The window and the price, and whose model it really is, where the name doesn't tell.
    mutating func readPlace(
        _ params: inout ParameterLayers,
        _ info: inout Section,
        into deployment: inout Deployment
    ) {
        let most = info.take("max_input_tokens")
        let infoBase = info.take("base_model")
        let base = params.take("base_model")
        let own = deployment.endpoint
        let (owner, model) = ProviderCatalogue.split(self.reader.text(infoBase ?? base) ?? own.model)
        deployment.contextWindow =
            self.reader.count(most, 1...UInt32.max)
            ?? ProviderCatalogue.contextWindow(of: model, at: owner ?? own.provider)
        let known = ProviderCatalogue.price(of: model, at: owner ?? own.provider)
        deployment.price = self.price(known, &params, &info)
    }

    // MARK: The list as a whole

    /// LiteLLM's list of organizations: a deployment for each.
    static func byOrganization(_ entry: Field) -> [Field] {
        guard case .map(let entries) = entry.node.value,
            let place = entries.firstIndex(where: { $0.key == "litellm_params" }),
            case .map(let params) = entries[place].node.value,
            let own = params.firstIndex(where: { $0.key == "organization" }),
            case .list(let organizations) = params[own].node.value, !organizations.isEmpty
        else { return [entry] }
        return organizations.map { organization in
            var params = params
            params[own].node = organization
            var entries = entries
            entries[place].node.value = .map(params)
            var one = entry
            one.node.value = .map(entries)
            return one
        }
    }

    /// The most names with stars: a request whose model has no group of its own is held against all of them.
    static let patternsMax = 1_000

    mutating func checkPatterns() {
        let patterns = self.groupNames.filter { $0.contains("*") }
        guard patterns.count > Self.patternsMax,
            let draft = self.drafts.first(where: { $0.group == patterns[Self.patternsMax] })
        else { return }
        self.reader.log.error(
            draft.mark,
            draft.path + ".model_name",
            "there are \(patterns.count) names with stars, at most \(Self.patternsMax) are taken"
        )
    }

    mutating func checkIDs() {
        var seen: [String: Mark] = [:]
        for draft in self.drafts where draft.hasOwnID {
            let id = draft.deployment.identity
            // One entry with several organizations has one id for all of them.
            if let first = seen[id], first != draft.mark {
                let place = "\(first.file):\(first.line)"
                self.reader.log.error(
                    draft.mark,
                    draft.path + ".model_info.id",
                    "is used at \(place) already; ids must differ"
                )
            }
            seen[id] = seen[id] ?? draft.mark
        }
    }

    /// LiteLLM never uses a deployment without an order beside one that has one.
    mutating func checkOrders() {
        var ordered: Set<String> = []
        for draft in self.drafts where draft.deployment.order != nil { ordered.insert(draft.group) }
        for draft in self.drafts where draft.deployment.order == nil && ordered.contains(draft.group) {
            let subject = "order of " + draft.group
            let message = "has no order, though others of its group have one: it comes after all of them"
            self.reader.log.warnOnce(subject, draft.mark, draft.path, message)
        }
    }

    mutating func checkRates() {
        if self.routing.enforcesRates { self.deriveRequests() }
        // LiteLLM, too, passes over deployments that are at their limits under these.
        let limiting: Set<RoutingStrategy> = [.usageBased, .usageBasedV2, .latencyBased, .costBased]
        guard !self.ratesAreKnown, !limiting.contains(self.routing.strategy) else { return }
        let limited = self.drafts.first {
            $0.deployment.requestsPerMinute != nil || $0.deployment.tokensPerMinute != nil
        }
        guard let limited else { return }
        self.reader.log.warn(
            limited.mark,
            limited.path,
            "rpm and tpm are limits: what is over them waits, where LiteLLM's \(self.routing.strategy.rawValue) only "
                + "weighs by them; write fanout.limits: {rates: enforced}, or weights_only for LiteLLM's way"
        )
    }

    /// Azure's limit of requests where only that of tokens is given.
    ///
    /// Not in a group with deployments that have `tpm` alone: it weighs by `tpm`, and the first rate that any has
    /// counts for all.
    private mutating func deriveRequests() {
        var weighed: Set<String> = []
        for draft in self.drafts where !draft.derivesRequests {
            let deployment = draft.deployment
            if deployment.tokensPerMinute != nil && deployment.requestsPerMinute == nil { weighed.insert(draft.group) }
        }
        for index in self.drafts.indices where self.drafts[index].derivesRequests {
            guard let tokens = self.drafts[index].deployment.tokensPerMinute else { continue }
            guard !weighed.contains(self.drafts[index].group) else { continue }
            self.drafts[index].deployment.requestsPerMinute = max(1, tokens * Self.azureRequestsPerToken)
        }
    }
}
