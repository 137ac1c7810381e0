// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension ConfigurationBuilder {
    /// Adds the aliases to the names of the groups; several hops are followed to their end.
    mutating func applyAliases(to directory: inout GroupDirectory) {
        guard let section = self.reader.section(self.aliases) else { return }
        var aliases: [String: (target: String, field: Field)] = [:]
        for field in section.fields {
            guard let target = self.target(of: field) else { continue }
            if field.key.contains("*") {
                self.reader.error(field, "an alias has no stars; give the model_name of the deployments stars instead")
            } else {
                aliases[field.key] = (target, field)
            }
        }
        // An alias of a group's name hides the group from callers, not from other aliases.
        var found: [(name: String, group: GroupID, field: Field)] = []
        for (name, alias) in aliases.sorted(by: { $0.value.field.keyMark < $1.value.field.keyMark }) {
            guard let group = self.follow(name, aliases, &directory, alias.field) else { continue }
            found.append((name, group, alias.field))
        }
        for (name, group, field) in found {
            if directory.places[name] != nil {
                self.reader.warn(field, "there is a model_name of the same name, which is now reached by nobody")
            }
            directory.addAlias(name, of: group)
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
        _ directory: inout GroupDirectory,
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
        if let group = directory.target(current) { return group }
        if directory.starred[current] != nil {
            self.reader.error(field, "leads to a pattern; name a model that it matches")
        } else {
            let hint = Spelling.hint(current, among: directory.known)
            self.reader.error(field, "leads to no model_name of model_list\(hint)")
        }
        return nil
    }
}
