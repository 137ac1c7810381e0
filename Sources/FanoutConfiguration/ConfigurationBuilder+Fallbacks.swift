// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The names that requests and fallback lists may use.
struct GroupNames {
    /// Names and aliases of groups.
    var places: [String: GroupID]
    /// Place to name.
    var names: [GroupID: String]

    /// The group that a key of a fallback list is about: exact, else with or without a provider before it.
    func source(_ key: String) -> GroupID? {
        if let exact = self.places[key] { return exact }
        if let slash = key.firstIndex(of: "/"), let bare = self.places[String(key[key.index(after: slash)...])] {
            return bare
        }
        return self.names.filter { $0.value.hasSuffix("/" + key) }.min { $0.key < $1.key }?.key
    }
}

/// One kind of fallbacks: what is said for a group, and for all others under `*`.
struct FallbackTable {
    var entries: [GroupID: [GroupID]] = [:]
    var others: [GroupID]?

    /// The list of a group; nil = nothing was said.
    func targets(of group: GroupID) -> [GroupID]? {
        self.entries[group] ?? self.others?.filter { $0 != group }
    }
}

extension ConfigurationBuilder {
    /// Sets the fallbacks of the active groups; gives those of models that no group is named after.
    mutating func applyFallbacks(to groups: inout [ModelGroup], names: GroupNames) -> [GroupID] {
        var general = FallbackTable()
        self.read(self.fallbacks.general, names, into: &general)
        if let field = self.reader.resolved(self.fallbacks.defaults) {
            let others = self.targets(field, of: nil, names)
            general.others = general.others ?? others
        }
        var contextWindow = FallbackTable()
        self.read(self.fallbacks.contextWindow, names, into: &contextWindow)
        self.readDictionary(names, into: &contextWindow)
        var contentPolicy = FallbackTable()
        self.read(self.fallbacks.contentPolicy, names, into: &contentPolicy)
        for index in groups.indices {
            let id = GroupID(index)
            let isActive = groups[index].isActive
            groups[index].fallbacks = isActive ? general.targets(of: id) ?? [] : []
            groups[index].contextWindowFallbacks = isActive ? contextWindow.targets(of: id) : nil
            groups[index].contentPolicyFallbacks = isActive ? contentPolicy.targets(of: id) : nil
        }
        return general.others ?? []
    }

    private mutating func read(_ field: Field?, _ names: GroupNames, into table: inout FallbackTable) {
        for element in self.reader.list(field) ?? [] {
            guard case .map(let entries) = element.node.value, entries.count == 1, let entry = entries.first else {
                self.reader.error(element, "must be a mapping with one key, as in {model-a: [model-b, model-c]}")
                continue
            }
            let lists = Field(path: element.path, keyMark: entry.mark, node: entry.node, key: entry.key)
            if entry.key == "*" {
                let targets = self.targets(lists, of: nil, names)
                self.add(targets, lists, isFirst: table.others == nil) { table.others = $0 }
            } else if let group = names.source(entry.key) {
                let targets = self.targets(lists, of: group, names)
                self.add(targets, lists, isFirst: table.entries[group] == nil) { table.entries[group] = $0 }
            } else {
                let hint = Spelling.hint(entry.key, among: names.places.keys.sorted())
                self.reader.warn(lists.keyAlone, "this is about a model_name that doesn't exist\(hint)")
            }
        }
    }

    private mutating func add(_ targets: [GroupID], _ field: Field, isFirst: Bool, _ set: ([GroupID]) -> Void) {
        if isFirst { return set(targets) }
        self.reader.warn(field.keyAlone, "there is an entry for this already, and the first one counts; merge them")
    }

    private mutating func targets(_ field: Field, of group: GroupID?, _ names: GroupNames) -> [GroupID] {
        guard let elements = self.reader.list(field) else {
            if field.node.isNull { self.reader.error(field, "must be a list of model_names, as in [model-b, model-c]") }
            return []
        }
        var targets: [GroupID] = []
        for element in elements {
            guard let name = element.node.text else {
                self.reader.error(
                    element,
                    "must be a model_name; an object with messages is for a request's own fallbacks"
                )
                continue
            }
            guard let target = names.places[name] else {
                let hint = Spelling.hint(name, among: names.places.keys.sorted())
                self.reader.error(element, "there is no model_name of this name in model_list\(hint)")
                continue
            }
            if target == group {
                self.reader.error(element, "a model group can't be its own fallback; remove it")
            } else if !targets.contains(target) {
                targets.append(target)
            }
        }
        return targets
    }

    /// `context_window_fallback_dict`: smaller model to larger model.
    private mutating func readDictionary(_ names: GroupNames, into table: inout FallbackTable) {
        guard let section = self.reader.section(self.fallbacks.contextWindowDictionary) else { return }
        for field in section.fields {
            guard let name = self.reader.text(field) else { continue }
            guard let source = names.source(field.key), let target = names.source(name), source != target else {
                self.reader.warn(field, "has an effect only between two different model_names of model_list")
                continue
            }
            if table.entries[source] == nil { table.entries[source] = [target] }
        }
    }
}
