// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension ConfigurationBuilder {
    /// Bytes of one deployment's default parameters.
    private static let defaultsBytesMax = 256 << 10

    /// The parameters of the provider's call that a request doesn't give itself: all that isn't LiteLLM's or ours.
    mutating func defaults(_ params: ParameterLayers) -> [UInt8] {
        self.reader.note(params.known, of: params.path)
        var members: [String: JSONValue] = [:]
        let keys = UnreadKeys.parameters
        for field in params.rest {
            let subject = "litellm_params." + Spelling.shown(field.key)
            let isAccepted =
                self.reader.log.accepted.contains(DiagnosticLog.withoutIndices(field.path))
                || self.reader.log.accepted.contains(subject)
            if let reason = keys.refused[field.key] {
                guard !field.node.isFalsy, !isAccepted else { continue }
                let path = DiagnosticLog.withoutIndices(field.path)
                self.reader.log.error(
                    field.keyMark,
                    field.path,
                    "\(reason); remove the key, or add \(path) to fanout.ignore if the daemon may do without it"
                )
            } else if let reason = keys.ignored[field.key] {
                guard !field.node.isFalsy, !isAccepted else { continue }
                self.reader.warnOnce(field, reason)
            } else if let near = self.misspelt(field.key, params) {
                guard !isAccepted else { continue }
                self.reader.warn(field, "is sent to the provider as a parameter; did you mean \(near)?")
                members[field.key] = self.json(field, depth: 0)
            } else if let value = self.json(field, depth: 0) {
                members[field.key] = value
            }
        }
        guard !members.isEmpty else { return [] }
        let json = JSONValue.object(members).serialized()
        guard json.count <= Self.defaultsBytesMax else {
            self.reader.log.error(
                params.mark,
                params.path,
                "the default parameters have \(json.count) bytes, at most \(Self.defaultsBytesMax) are taken"
            )
            return []
        }
        return json
    }

    /// A key that is one or two letters away from one of ours; parameters of providers are known by their whole names.
    private func misspelt(_ key: String, _ params: ParameterLayers) -> String? {
        guard !UnreadKeys.providerParameters.contains(key) else { return nil }
        return Spelling.nearest(to: key, among: params.known)
    }

    /// A value as JSON, with references followed; nil if nothing is left of it.
    private mutating func json(_ field: Field, depth: Int) -> JSONValue? {
        switch field.node.value {
        case .list(let elements):
            return .array(
                elements.enumerated().compactMap { index, node in
                    let path = "\(field.path)[\(index)]"
                    return self.json(Field(path: path, keyMark: node.mark, node: node), depth: depth + 1)
                }
            )
        case .map(let entries):
            var members: [String: JSONValue] = [:]
            for entry in entries {
                let path = "\(field.path).\(Spelling.shown(entry.key))"
                let member = Field(path: path, keyMark: entry.mark, node: entry.node)
                members[entry.key] = self.json(member, depth: depth + 1)
            }
            return .object(members)
        case .scalar where field.node.isNull:
            // LiteLLM takes an empty parameter for an absent one; deeper down null may mean something.
            return depth == 0 ? nil : .null
        case .scalar(let text, let plain):
            guard case .literal = self.reader.values.follow(text) else {
                guard let resolved = self.reader.resolved(field), let value = resolved.node.text else { return nil }
                // LiteLLM makes a boolean of these two words, and leaves all else text.
                return resolved.node.flag.map(JSONValue.bool) ?? .string(value)
            }
            guard plain else { return .string(text) }
            if let flag = field.node.flag { return .bool(flag) }
            if let whole = ScalarText.integer(text), !text.contains(".") { return .integer(whole) }
            if let number = ScalarText.number(text) { return .double(number) }
            return .string(text)
        }
    }
}
