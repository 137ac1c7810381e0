// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// The model groups on their way into the snapshot, and what they may be called.
///
/// A name that the configuration mentions and only a pattern matches becomes a group that the pattern's deployments
/// serve. There are as many of them as the file mentions, however many models callers ask for.
struct GroupDirectory {
    /// Every group there is or was.
    var groups: [ModelGroup]
    /// Names and aliases of active groups, patterns apart.
    private(set) var places: [String: GroupID] = [:]
    /// Active groups whose names have stars.
    private(set) var starred: [String: GroupID] = [:]
    /// Them, in the order in which they are tried.
    private(set) var patterns: [ModelPattern] = []
    /// What comes after the first model of a routing group, by the group of its name.
    private(set) var successors: [GroupID: [GroupID]] = [:]
    /// Where the group of a name stands, active or not.
    private var memory: [String: GroupID] = [:]

    /// The groups of the configuration before keep their places.
    init(previous: [ModelGroup], names: [String]) {
        self.groups = previous.map { old in
            // The name alone: what else is said of a group is said anew, or nobody uses it any more.
            var group = ModelGroup(name: old.name)
            group.isActive = false
            return group
        }
        for (index, group) in self.groups.enumerated() { self.memory[group.name] = GroupID(index) }
        for name in names {
            let id = self.activate(name)
            guard let pattern = ModelPattern(name, group: id) else {
                self.places[name] = id
                continue
            }
            self.groups[Int(id.index)].isPattern = true
            self.starred[name] = id
            self.patterns.append(pattern)
        }
        // Sorted stably: of equals the one that the file has first.
        self.patterns = self.patterns.enumerated().sorted { left, right in
            if left.element.precedes(right.element) { return true }
            return !right.element.precedes(left.element) && left.offset < right.offset
        }.map(\.element)
    }

    private mutating func activate(_ name: String) -> GroupID {
        let id = self.memory[name] ?? GroupID(self.groups.count)
        if self.memory.updateValue(id, forKey: name) == nil { self.groups.append(ModelGroup(name: name)) }
        self.groups[Int(id.index)].isActive = true
        return id
    }

    /// The names of all groups, to look for what somebody may have meant.
    var known: [String] { self.places.keys.sorted() + self.starred.keys.sorted() }

    /// The group that a name of a group without stars leads to.
    mutating func target(_ name: String) -> GroupID? {
        self.places[name] ?? self.served(name)
    }

    /// The group that a key is about: of that very name, else with or without a provider before it, else served by a
    /// pattern.
    mutating func subject(_ key: String) -> GroupID? {
        if let exact = self.places[key] ?? self.starred[key] { return exact }
        if let slash = key.firstIndex(of: "/"), let bare = self.places[String(key[key.index(after: slash)...])] {
            return bare
        }
        let prefixed = self.groups.firstIndex { $0.isActive && !$0.isPattern && $0.name.hasSuffix("/" + key) }
        return prefixed.map { GroupID($0) } ?? self.served(key)
    }

    private mutating func served(_ name: String) -> GroupID? {
        guard let match = self.patterns.resolve(name, provider: ProviderCatalogue.provider(ofBareName:)) else {
            return nil
        }
        let id = self.places[match.name] ?? self.activate(match.name)
        self.groups[Int(id.index)].servedBy = match.group
        self.groups[Int(id.index)].captures = match.captures
        self.places[match.name] = id
        return id
    }

    mutating func addAlias(_ name: String, of group: GroupID) {
        self.places[name] = group
    }

    /// What isn't said of a served group itself is as for the group whose deployments serve it.
    mutating func inheritPolicies() {
        for index in self.groups.indices where self.groups[index].retryPolicy == nil {
            guard let host = self.groups[index].servedBy else { continue }
            self.groups[index].retryPolicy = self.groups[Int(host.index)].retryPolicy
        }
    }

    /// A group with the deployments of another one, and with others behind it.
    mutating func addRoutingGroup(_ name: String, servedAs first: GroupID, then others: [GroupID]) {
        let id = self.activate(name)
        let model = self.groups[Int(first.index)]
        self.groups[Int(id.index)].servedBy = model.servedBy ?? first
        self.groups[Int(id.index)].captures = model.captures
        self.places[name] = id
        self.successors[id] = others
    }
}
