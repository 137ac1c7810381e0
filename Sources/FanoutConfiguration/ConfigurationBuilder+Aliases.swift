// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension ConfigurationBuilder {
    /// Adds the aliases to the names of the groups; several hops are followed to their end.
    mutating func applyAliases(to places: inout [String: GroupID]) {
        guard let section = self.reader.section(self.aliases) else { return }
        var aliases: [String: (target: String, field: Field)] = [:]
        for field in section.fields {
            guard let target = self.target(of: field) else { continue }
            if field.key.contains("*") {
                self.reader.error(field, "wildcards aren't supported in this version; name each model")
            } else {
                aliases[field.key] = (target, field)
            }
        }
        let groups = places
        for (name, alias) in aliases.sorted(by: { $0.value.field.keyMark < $1.value.field.keyMark }) {
            guard let group = self.follow(name, aliases, groups, alias.field) else { continue }
            if groups[name] != nil {
                self.reader.warn(alias.field, "there is a model_name of the same name, which is now reached by nobody")
            }
            places[name] = group
        }
    }

    private mutating func target(of field: Field) -> String? {
        guard case .map = field.node.value else {
            if field.node.isNull { self.reader.error(field, "must be a model_name or {model: …, hidden: …}") }
            return self.reader.text(field)
        }
        guard var section = self.reader.section(field) else { return nil }
        let model = self.reader.text(section.take("model"))
        // Nothing lists models by name to callers that this would hide them from.
        _ = self.reader.flag(section.take("hidden"))
        self.reader.finish(section, UnreadKeys())
        if model == nil { self.reader.error(field, "needs model: the model_name that it stands for") }
        return model
    }

    private mutating func follow(
        _ name: String,
        _ aliases: [String: (target: String, field: Field)],
        _ groups: [String: GroupID],
        _ field: Field
    ) -> GroupID? {
        var seen: Set<String> = [name]
        var current = aliases[name]?.target ?? name
        while let next = aliases[current]?.target {
            guard seen.insert(current).inserted else {
                self.reader.error(field, "these aliases go round in a circle; let one of them name a model_name")
                return nil
            }
            current = next
        }
        if let group = groups[current] { return group }
        let hint = Spelling.hint(current, among: groups.keys.sorted())
        self.reader.error(field, "leads to no model_name of model_list\(hint)")
        return nil
    }
}
