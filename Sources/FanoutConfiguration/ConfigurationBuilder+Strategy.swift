// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// How a deployment is picked.
extension ConfigurationBuilder {
    /// A strategy as the file names it.
    private enum NamedStrategy {
        case known(RoutingStrategy)
        /// `routing_groups` alone: the models in the order of their priorities.
        case byPriority
    }

    mutating func readStrategy(_ section: inout Section) {
        if case .known(let strategy)? = self.strategy(section.take("routing_strategy"), inGroup: false) {
            self.routing.strategy = strategy
        }
        if let arguments = self.strategyArguments(section.take("routing_strategy_args"), over: StrategyArguments()) {
            self.routing.strategyArguments = arguments
        }
    }

    private mutating func strategy(_ field: Field?, inGroup: Bool) -> NamedStrategy? {
        guard let field, let text = self.reader.text(field) else { return nil }
        if let strategy = RoutingStrategy(rawValue: text) { return .known(strategy) }
        switch text {
        case "priority" where inGroup: return .byPriority
        // Budgets filter under every strategy; LiteLLM then picks as simple-shuffle does.
        case "provider-budget-routing": return .known(.simpleShuffle)
        case "lar1":
            self.reader.warn(field, "Fanout has no such strategy: it acts as simple-shuffle")
            return .known(.simpleShuffle)
        default:
            let known = RoutingStrategy.allCases.map(\.rawValue) + ["provider-budget-routing", "lar1"]
            let hint = Spelling.hint(text, among: known)
            self.reader.error(field, "must be one of \(known.joined(separator: ", "))\(hint)")
            return nil
        }
    }

    /// nil = nothing is said.
    private mutating func strategyArguments(_ field: Field?, over base: StrategyArguments) -> StrategyArguments? {
        guard var section = self.reader.section(field) else { return nil }
        var arguments = base
        if let ttl = self.reader.milliseconds(section.take("ttl"), 1_000...31_536_000_000) {
            arguments.ttlMilliseconds = ttl
        }
        if let buffer = self.fraction(section.take("lowest_latency_buffer"), 0...1_000) {
            arguments.lowestLatencyBuffer = buffer
        }
        if let size: UInt32 = self.reader.count(section.take("max_latency_list_size"), 1...1_000) {
            arguments.maxLatencyListSize = size
        }
        if let field = section.take("ttft_percentile"), let part = self.fraction(field, 0...1) {
            if part > 0 { arguments.firstContentPercentile = part }
            if part == 0 { self.reader.error(field, "must be above 0, up to 1: 0.9 is the ninth tenth") }
        }
        if let weight = self.fraction(section.take("price_weight"), 0...10) { arguments.priceWeight = weight }
        if let share = self.fraction(section.take("exploration"), 0...0.5) { arguments.explorationShare = share }
        self.reader.finish(section, UnreadKeys())
        return arguments
    }

    mutating func fraction(_ field: Field?, _ range: ClosedRange<Double>) -> Double? {
        guard let field, let number = self.reader.number(field) else { return nil }
        if range.contains(number) { return number }
        self.reader.error(field, "must be a number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    // MARK: Groups of groups

    /// `routing_groups`, once the names are known.
    mutating func applyRoutingGroups(to directory: inout GroupDirectory, identities: [String: GroupID]) {
        for element in self.reader.list(self.routingGroups) ?? [] {
            guard var section = self.reader.section(element) else { continue }
            let name = section.take("group_name")
            let models = section.take("models")
            let strategy = self.strategy(section.take("routing_strategy"), inGroup: true)
            let arguments = self.strategyArguments(
                section.take("routing_strategy_args"),
                over: self.routing.strategyArguments
            )
            let priorities = section.take("model_priorities")
            self.reader.finish(section, UnreadKeys())
            let members = self.members(models, element, &directory, identities)
            var own: RoutingStrategy?
            if case .known(let known)? = strategy { own = known }
            for member in members where own != nil || arguments != nil {
                let host = Int((directory.groups[Int(member.group.index)].servedBy ?? member.group).index)
                if directory.groups[host].strategy != nil || directory.groups[host].strategyArguments != nil {
                    self.reader.warn(member.field, "is in another routing group already, whose strategy it keeps")
                    continue
                }
                directory.groups[host].strategy = own
                directory.groups[host].strategyArguments = arguments
            }
            self.name(name, members, self.order(priorities), in: &directory)
        }
    }

    /// A model of a routing group.
    private struct Member {
        var name: String
        var group: GroupID
        var field: Field
    }

    private mutating func members(
        _ models: Field?,
        _ element: Field,
        _ directory: inout GroupDirectory,
        _ identities: [String: GroupID]
    ) -> [Member] {
        guard let elements = self.reader.list(models), !elements.isEmpty else {
            self.reader.error(models ?? element, "needs models: a list of model_names, or ids of deployments")
            return []
        }
        return elements.compactMap { field in
            guard let name = self.reader.text(field) else { return nil }
            if let group = directory.places[name] ?? identities[name] ?? directory.subject(name) {
                return Member(name: name, group: group, field: field)
            }
            let hint = Spelling.hint(name, among: directory.known)
            self.reader.error(field, "there is no model_name and no deployment of this name\(hint)")
            return nil
        }
    }

    private mutating func order(_ field: Field?) -> [String: Int64] {
        guard let section = self.reader.section(field) else { return [:] }
        var order: [String: Int64] = [:]
        for field in section.fields { order[field.key] = self.reader.count(field, -1_000_000...1_000_000) }
        return order
    }

    /// A routing group can be asked for by its name: its models are tried one after the other.
    private mutating func name(
        _ field: Field?,
        _ members: [Member],
        _ order: [String: Int64],
        in directory: inout GroupDirectory
    ) {
        guard let field, let name = self.reader.text(field), !name.isEmpty, name.utf8.count <= 256 else {
            if let field { self.reader.error(field, "must have from 1 to 256 bytes") }
            return
        }
        let sorted = members.enumerated().sorted { left, right in
            let (a, b) = (order[left.element.name] ?? .max, order[right.element.name] ?? .max)
            return a == b ? left.offset < right.offset : a < b
        }.map(\.element.group)
        let groups = sorted.filter { !directory.groups[Int($0.index)].isPattern }
        guard let first = groups.first else { return }
        guard directory.places[name] == nil, !name.contains("*") else {
            self.reader.warn(field, "there is a model_name or an alias of the same name, which is what callers reach")
            return
        }
        directory.addRoutingGroup(name, servedAs: first, then: groups.dropFirst().filter { $0 != first })
    }
}
