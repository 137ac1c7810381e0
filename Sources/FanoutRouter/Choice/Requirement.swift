// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What an item asks of a deployment, as long as it waits: the part that decides who could ever serve it.
struct Requirement: Sendable {
    var needs: Needs
    /// The prompt has to fit: deployments whose window is known and smaller can't serve; 0 = any may.
    var window: UInt32 = 0
    var tags: [String] = []
    /// `nil` = any.
    var region: String?
}

/// A request's tags, taken apart by LiteLLM's rules (`router_strategy/tag_based_routing.py` of 1.106.2).
///
/// `!t` excludes deployments that carry `t`, `&t` requires it, and of the others one or all must match. A tag that
/// begins with the routing prefix loses it, and is then meant for the router and for nothing else.
struct TagRule {
    private var wanted: [Substring] = []
    private var required: [Substring] = []
    private var excluded: [Substring] = []
    private var isDirective = false
    private let matchesAny: Bool

    init(_ tags: [String], _ filtering: TagFiltering) {
        self.matchesAny = filtering.matchesAny
        for tag in tags {
            var rest = tag[...]
            var isPrefixed = false
            if !filtering.prefix.isEmpty && rest.hasPrefix(filtering.prefix) {
                rest = rest.dropFirst(filtering.prefix.count)
                isPrefixed = true
            }
            let mark = rest.first
            if mark == "!" || mark == "&" {
                let name = rest.dropFirst()
                // A mark alone asks for nothing.
                if name.isEmpty { continue }
                if mark == "!" { self.excluded.append(name) } else { self.required.append(name) }
            } else {
                self.wanted.append(rest)
                if isPrefixed { self.isDirective = true }
            }
        }
    }

    /// The lanes of a set that the tags leave; `tags` gives a lane's own, `members` all lanes of the group.
    func lanes(of candidates: LaneSet, members: LaneSet, tags: (Int) -> [String]) -> LaneSet {
        if self.wanted.isEmpty {
            // A requirement names its lanes; otherwise those for everybody are meant, if there are any.
            let pool = self.required.isEmpty ? Self.defaults(of: candidates, tags: tags) ?? candidates : candidates
            return self.constrain(pool, tags: tags)
        }
        let allowed = self.constrain(candidates, tags: tags)
        let matching = Self.filter(allowed) { self.matches(tags($0)) }
        if !matching.isEmpty { return matching }
        let isKnown = !Self.filter(members) { lane in tags(lane).contains { self.wanted.contains($0[...]) } }.isEmpty
        // A tag of this group that nobody is left for is no reason to go to those for everybody.
        if isKnown || self.isDirective { return LaneSet() }
        return Self.defaults(of: allowed, tags: tags) ?? LaneSet()
    }

    /// Without tag filtering a request's tags keep it from deployments that are tagged for others.
    ///
    /// Tags that no deployment of the group carries are meant for something else, budgets for example.
    static func plain(_ own: [String], of candidates: LaneSet, members: LaneSet, tags: (Int) -> [String]) -> LaneSet {
        guard !own.isEmpty else { return candidates }
        let isKnown = !Self.filter(members) { lane in tags(lane).contains { own.contains($0) } }.isEmpty
        guard isKnown else { return candidates }
        return Self.filter(candidates) { lane in
            let lanes = tags(lane)
            return lanes.isEmpty || lanes.contains { own.contains($0) }
        }
    }

    private func matches(_ tags: [String]) -> Bool {
        if self.matchesAny { return tags.contains { self.wanted.contains($0[...]) } }
        return self.wanted.allSatisfy { tags.contains(String($0)) }
    }

    private func constrain(_ candidates: LaneSet, tags: (Int) -> [String]) -> LaneSet {
        guard !self.required.isEmpty || !self.excluded.isEmpty else { return candidates }
        return Self.filter(candidates) { lane in
            let own = tags(lane)
            return self.required.allSatisfy { own.contains(String($0)) }
                && !own.contains { self.excluded.contains($0[...]) }
        }
    }

    /// The lanes tagged `default`; `nil` = none is.
    private static func defaults(of candidates: LaneSet, tags: (Int) -> [String]) -> LaneSet? {
        let lanes = self.filter(candidates) { tags($0).contains("default") }
        return lanes.isEmpty ? nil : lanes
    }

    static func filter(_ lanes: LaneSet, _ isIn: (Int) -> Bool) -> LaneSet {
        var result = LaneSet()
        lanes.forEach { if isIn($0) { result.insert($0) } }
        return result
    }
}
