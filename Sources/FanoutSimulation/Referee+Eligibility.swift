// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// Which lanes could ever serve an item.
extension Referee {
    func strategy(of group: GroupID) -> RoutingStrategy {
        self.snapshot.groups[Int(group.index)].strategy ?? self.snapshot.routing.strategy
    }

    /// Lanes of a leg's group that could ever serve it.
    func eligible(_ ticket: Ticket, _ leg: Leg) -> [LaneID] {
        self.eligible(ticket, leg.group, above: leg.windowTooSmall)
    }

    /// Lanes of a group that could ever serve a ticket whose prompt has outgrown a window of so many tokens.
    func eligible(_ ticket: Ticket, _ group: GroupID, above window: UInt32 = 0) -> [LaneID] {
        self.sift(ticket, group, above: window).lanes
    }

    /// The filters in their order; the first that leaves nothing is named.
    private func sift(
        _ ticket: Ticket,
        _ group: GroupID,
        above window: UInt32
    ) -> (lanes: [LaneID], obstacle: RouteObstacle) {
        let members = self.snapshot.groups[Int(group.index)].lanes.filter { self.isServing($0) }
        if members.isEmpty { return ([], .none) }
        var lanes = members.filter { self.deployment($0).offers.isSuperset(of: ticket.needs) }
        if lanes.isEmpty { return ([], .needs) }
        if let region = ticket.extras?.region { lanes = lanes.filter { self.deployment($0).region == region } }
        if lanes.isEmpty { return ([], .region) }
        lanes = lanes.filter { lane in
            guard let known = self.deployment(lane).contextWindow else { return true }
            if window > 0 && known <= window { return false }
            return !self.snapshot.routing.checksBeforeCall || known >= ticket.promptTokens
        }
        if lanes.isEmpty { return ([], .contextWindow) }
        let tags = ticket.extras?.tags ?? []
        if let filtering = self.snapshot.routing.tagFiltering {
            lanes = self.filtered(lanes, members: members, by: tags, filtering)
        } else {
            let known = Set(members.flatMap { self.deployment($0).tags })
            if !known.isDisjoint(with: tags) {
                lanes = lanes.filter {
                    self.deployment($0).tags.isEmpty || !Set(tags).isDisjoint(with: self.deployment($0).tags)
                }
            }
        }
        return (lanes, lanes.isEmpty ? .tags : .none)
    }

    private func deployment(_ lane: LaneID) -> Deployment { self.snapshot.deployments[Int(lane.index)] }

    /// LiteLLM's `enable_tag_filtering`.
    private func filtered(
        _ lanes: [LaneID],
        members: [LaneID],
        by tags: [String],
        _ filtering: TagFiltering
    ) -> [LaneID] {
        let stripped = tags.map { tag -> (name: String, isDirective: Bool) in
            guard !filtering.prefix.isEmpty, tag.hasPrefix(filtering.prefix) else { return (tag, false) }
            return (String(tag.dropFirst(filtering.prefix.count)), true)
        }
        let banned = Set(stripped.filter { $0.name.hasPrefix("!") }.map { String($0.name.dropFirst()) })
        let needed = Set(stripped.filter { $0.name.hasPrefix("&") }.map { String($0.name.dropFirst()) })
        let plain = stripped.filter { !$0.name.hasPrefix("!") && !$0.name.hasPrefix("&") }
        let wanted = Set(plain.map(\.name))
        let own = { (lane: LaneID) in Set(self.deployment(lane).tags) }
        let allowed = lanes.filter { needed.isSubset(of: own($0)) && banned.isDisjoint(with: own($0)) }
        let defaults = { (some: [LaneID]) in some.filter { own($0).contains("default") } }
        if wanted.isEmpty {
            // Lanes for everybody, if there are any, before the exclusions are looked at.
            let pool = needed.isEmpty && !defaults(lanes).isEmpty ? defaults(lanes) : lanes
            return pool.filter { allowed.contains($0) }
        }
        let matching = allowed.filter {
            filtering.matchesAny ? !wanted.isDisjoint(with: own($0)) : wanted.isSubset(of: own($0))
        }
        if !matching.isEmpty { return matching }
        let isMeantForRouter =
            plain.contains { $0.isDirective } || members.contains { !wanted.isDisjoint(with: own($0)) }
        return isMeantForRouter ? [] : defaults(allowed)
    }

    /// The tags of a ticket that have a budget, by which it waits apart.
    func budgetTags(of ticket: Ticket) -> Set<String> {
        Set(ticket.extras?.tags ?? []).filter { self.money[.tag($0)] != nil }
    }

    /// A prompt was too long for a lane: what of its group isn't known to be larger is out.
    func outgrow(_ leg: inout Leg, _ lane: LaneID, _ ticket: Ticket) {
        let window = self.deployment(lane).contextWindow ?? ticket.promptTokens
        leg.windowTooSmall = max(leg.windowTooSmall, window)
        for other in self.snapshot.groups[Int(leg.group.index)].lanes
        where self.isServing(other) && self.deployment(other).contextWindow ?? 0 <= window {
            leg.barred.insert(other)
        }
    }

    /// Judges a refusal because no lane could serve.
    mutating func judgeNoRoute(_ item: Item, _ refusal: Refusal, _ name: String) {
        let isPlain = item.legs.count == 1 && item.attempts == 0 && !item.sawReload
        guard let leg = item.legs.first, isPlain else { return }
        let (lanes, obstacle) = self.sift(item.ticket, leg.group, above: 0)
        if !lanes.isEmpty { self.blame("\(name): there is a route") }
        if obstacle != refusal.obstacle { self.blame("\(name): \(refusal.obstacle), not \(obstacle)") }
        let code: FailureCode = obstacle == .contextWindow ? .contextWindow : .noRoute
        if refusal.code != code { self.blame("\(name): \(refusal.code.name)") }
    }
}
