// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A value of the file with its place.
///
/// Scalars keep their text; what they mean is decided where they are read, so that an unquoted API version or model
/// name that looks like a number stays as written.
struct ConfigNode {
    enum Value {
        case scalar(text: String, plain: Bool)
        case list([ConfigNode])
        case map([ConfigEntry])
    }

    var value: Value
    var mark: Mark

    init(_ value: Value, _ mark: Mark) {
        self.value = value
        self.mark = mark
    }

    /// Nothing, as YAML 1.1 writes it.
    var isNull: Bool {
        guard case .scalar(let text, plain: true) = self.value else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The text of a scalar that isn't null.
    var text: String? {
        guard !self.isNull, case .scalar(let text, _) = self.value else { return nil }
        return text
    }

    /// A boolean, as YAML 1.1 writes it.
    ///
    /// Quoted only `true` and `false` are one, which is how LiteLLM reads the environment.
    var flag: Bool? {
        guard case .scalar(let text, let plain) = self.value else { return nil }
        switch text {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        case "yes", "Yes", "YES", "on", "On", "ON": return plain ? true : nil
        case "no", "No", "NO", "off", "Off", "OFF": return plain ? false : nil
        default: return nil
        }
    }

    /// A finite number; text that is one counts, since a variable holds only text.
    var number: Double? {
        guard let text = self.text else { return nil }
        return ScalarText.number(text)
    }

    /// What the value is, for a message.
    var kind: String {
        switch self.value {
        case .list: "a list"
        case .map: "a mapping"
        case .scalar where self.isNull: "empty"
        case .scalar where self.flag != nil: "a boolean"
        case .scalar where self.number != nil: "a number"
        case .scalar: "text"
        }
    }

    /// False, null, zero, empty text, list or mapping: what switches a LiteLLM setting off.
    var isFalsy: Bool {
        switch self.value {
        case .list(let elements): elements.isEmpty
        case .map(let entries): entries.isEmpty
        case .scalar(let text, _): self.isNull || text.isEmpty || self.flag == false || self.number == 0
        }
    }
}

/// A key and its value.
struct ConfigEntry {
    var key: String
    var mark: Mark
    var node: ConfigNode
}

/// A value at its key path.
struct Field {
    /// Such as `router_settings.num_retries`.
    var path: String
    /// Where the key stands.
    var keyMark: Mark
    /// The value.
    var node: ConfigNode
    /// The key as written; the path shows it only if it is a plain word.
    var key = ""

    /// Where the value stands, or its key if it is empty.
    var mark: Mark { self.node.isNull ? self.keyMark : self.node.mark }

    /// The same with nothing in it, for what is to be said of the key.
    var keyAlone: Field {
        var field = self
        field.node = ConfigNode(.scalar(text: "", plain: true), self.keyMark)
        return field
    }

    /// The elements of a list, each with its path.
    var elements: [Field]? {
        guard case .list(let elements) = self.node.value else { return nil }
        return elements.enumerated().map { index, element in
            Field(path: "\(self.path)[\(index)]", keyMark: element.mark, node: element)
        }
    }
}
