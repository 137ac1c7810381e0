// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// One kind of fallbacks: what is said for a group, and for all others under `*`.
struct FallbackTable {
    var entries: [GroupID: [GroupID]] = [:]
    var others: [GroupID]?

    /// The list of a group; nil = nothing was said.
    ///
    /// A model that a pattern serves and that has no list of its own has the pattern's.
    func targets(of group: GroupID, servedBy pattern: GroupID?) -> [GroupID]? {
        let list = self.entries[group] ?? pattern.flatMap { self.entries[$0] } ?? self.others
        return list?.filter { $0 != group }
    }
}

extension ConfigurationBuilder {
    /// Sets the fallbacks of the active groups; gives those of models that no group is named after.
    mutating func applyFallbacks(to directory: inout GroupDirectory) -> [GroupID] {
        var general = FallbackTable()
        self.read(self.fallbacks.general, &directory, into: &general)
        if let field = self.reader.resolved(self.fallbacks.defaults) {
            let others = self.targets(field, of: nil, &directory)
            general.others = general.others ?? others
        }
        var contextWindow = FallbackTable()
        self.read(self.fallbacks.contextWindow, &directory, into: &contextWindow)
        self.readDictionary(&directory, into: &contextWindow)
        var contentPolicy = FallbackTable()
        self.read(self.fallbacks.contentPolicy, &directory, into: &contentPolicy)
        for index in directory.groups.indices where directory.groups[index].isActive {
            let id = GroupID(index)
            let pattern = directory.groups[index].servedBy
            let next = directory.successors[id]
            let list = general.targets(of: id, servedBy: pattern) ?? []
            let larger = contextWindow.targets(of: id, servedBy: pattern)
            directory.groups[index].fallbacks = Self.joined(next, list, but: pattern)
            directory.groups[index].contextWindowFallbacks = larger.map { Self.joined(next, $0, but: pattern) }
            directory.groups[index].contentPolicyFallbacks = contentPolicy.targets(of: id, servedBy: pattern)
        }
        self.warnOfCircles(general, directory)
        return general.others ?? []
    }

    /// A routing group's own models come before what else it falls back to, and the one that serves it comes no more.
    private static func joined(_ first: [GroupID]?, _ list: [GroupID], but host: GroupID?) -> [GroupID] {
        guard let first else { return list }
        return first + list.filter { !first.contains($0) && $0 != host }
    }

    private mutating func read(_ field: Field?, _ directory: inout GroupDirectory, into table: inout FallbackTable) {
        for element in self.reader.list(field) ?? [] {
            guard case .map(let entries) = element.node.value, entries.count == 1, let entry = entries.first else {
                self.reader.error(element, "must be a mapping with one key, as in {model-a: [model-b, model-c]}")
                continue
            }
            let lists = Field(path: element.path, keyMark: entry.mark, node: entry.node, key: entry.key)
            if entry.key == "*" {
                let targets = self.targets(lists, of: nil, &directory)
                self.add(targets, lists, isFirst: table.others == nil) { table.others = $0 }
            } else if let group = directory.subject(entry.key) {
                let targets = self.targets(lists, of: group, &directory)
                self.add(targets, lists, isFirst: table.entries[group] == nil) { table.entries[group] = $0 }
            } else {
                self.warnOfUnknownGroup(lists, directory)
            }
        }
    }

    private mutating func add(_ targets: [GroupID], _ field: Field, isFirst: Bool, _ set: ([GroupID]) -> Void) {
        if isFirst { return set(targets) }
        self.reader.warn(field.keyAlone, "there is an entry for this already, and the first one counts; merge them")
    }

    private mutating func targets(
        _ field: Field,
        of group: GroupID?,
        _ directory: inout GroupDirectory
    ) -> [GroupID] {
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
            guard let target = directory.target(name) else {
                self.refuse(name, element, directory)
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

    private mutating func refuse(_ name: String, _ element: Field, _ directory: GroupDirectory) {
        guard directory.starred[name] == nil else {
            self.reader.error(element, "is a pattern; name a model that it matches")
            return
        }
        let hint = Spelling.hint(name, among: directory.known)
        self.reader.error(element, "there is no model_name of this name in model_list\(hint)")
    }

    /// `context_window_fallback_dict`: smaller model to larger model.
    private mutating func readDictionary(_ directory: inout GroupDirectory, into table: inout FallbackTable) {
        guard let section = self.reader.section(self.fallbacks.contextWindowDictionary) else { return }
        for field in section.fields {
            guard let name = self.reader.text(field) else { continue }
            guard let source = directory.subject(field.key), let target = directory.subject(name), source != target,
                !directory.groups[Int(target.index)].isPattern
            else {
                self.reader.warn(field, "has an effect only between two different model_names of model_list")
                continue
            }
            if table.entries[source] == nil { table.entries[source] = [target] }
        }
    }

    /// Lists that lead back to where they began are allowed, and surely not meant.
    private mutating func warnOfCircles(_ table: FallbackTable, _ directory: GroupDirectory) {
        guard let field = self.fallbacks.general else { return }
        /// 1 = on the way from the start, 2 = done.
        var marks: [GroupID: UInt8] = [:]
        for start in table.entries.keys.sorted() where marks[start] == nil {
            var path: [(group: GroupID, next: Int)] = [(start, 0)]
            marks[start] = 1
            while let (group, next) = path.last {
                let targets = table.entries[group] ?? []
                guard next < targets.count else {
                    marks[group] = 2
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let target = targets[next]
                if marks[target] == nil {
                    marks[target] = 1
                    path.append((target, 0))
                } else if marks[target] == 1 {
                    let circle = path.map(\.group).drop { $0 != target } + [target]
                    let names = circle.map { directory.groups[Int($0.index)].name }.joined(separator: ", ")
                    let words = "these go round in a circle (\(names)); a request tries each model once"
                    self.reader.warn(field, words)
                }
            }
        }
    }
}
