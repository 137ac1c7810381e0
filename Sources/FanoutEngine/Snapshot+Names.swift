// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders
internal import FanoutRouter

/// Which names stand behind the groups of an item's ticket: one group may serve many models by a pattern.
extension Snapshot {
    /// The group that serves a name; `nil` = none does.
    func server(of name: String) -> ModelMatch? {
        self.resolve(name, provider: ProviderCatalogue.provider(ofBareName:))
    }

    /// What an item asks for, one for each leg: its model, or the models that race.
    ///
    /// Empty = nobody is known who serves any of them.
    func legs(of item: Item) -> [ModelMatch] {
        let own = self.server(of: item.request.model)
        let race = item.race.compactMap(self.server(of:))
        guard let own, !race.contains(own) else { return race }
        return [own] + race
    }

    /// The model that a dispatch to a deployment for any model is about.
    private func match(_ dispatch: Dispatch, of item: Item) -> ModelMatch {
        let asked = self.groups[Int(dispatch.group.index)]
        let own = ModelMatch(group: dispatch.group, captures: asked.captures, name: asked.name)
        guard own.captures.isEmpty else { return own }
        if let place = item.listedFallback(dispatch.listed) { return self.server(of: item.fallbacks[place]) ?? own }
        let legs = self.legs(of: item)
        return Int(dispatch.leg) < legs.count ? legs[Int(dispatch.leg)] : own
    }

    /// Where an attempt goes whose deployment serves any model: its endpoint with the model that was asked for.
    func endpoint(of deployment: Deployment, for dispatch: Dispatch, of item: Item) -> Endpoint {
        var endpoint = deployment.endpoint
        let match = self.match(dispatch, of: item)
        let (provider, bare) = ProviderCatalogue.split(match.name)
        let name = provider == endpoint.provider ? bare : match.name
        endpoint.model = ModelPattern.filled(endpoint.model, with: match.captures, of: name)
        endpoint.quirks.formUnion(ProviderCatalogue.quirks(ofModel: endpoint.model, at: endpoint.provider))
        return endpoint
    }
}

extension Item {
    /// The places in ``fallbacks`` that are tried, in order: a model that was asked for before isn't asked for again.
    var listedFallbacks: [Int] {
        var seen: Set<String> = self.race.isEmpty ? [self.request.model] : []
        return self.fallbacks.indices.filter { seen.insert(self.fallbacks[$0]).inserted }
    }

    /// The place in ``fallbacks`` that a dispatch stands for; `nil` = it is no fallback of the item's own.
    func listedFallback(_ listed: UInt16) -> Int? {
        guard listed > 0, !self.fallbacks.isEmpty else { return nil }
        let places = self.listedFallbacks
        return Int(listed) <= places.count ? places[Int(listed) - 1] : nil
    }

    /// What a dispatch asks: the fallback's own request, or the item's.
    func request(for dispatch: Dispatch) -> Request {
        guard !self.fallbackRequests.isEmpty, let place = self.listedFallback(dispatch.listed) else {
            return self.request
        }
        return self.fallbackRequests.first { Int($0.fallback) == place }?.request ?? self.request
    }
}
