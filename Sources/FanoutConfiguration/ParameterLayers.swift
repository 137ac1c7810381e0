// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A deployment's parameters, with a credential of `credential_list` and `default_litellm_params` beneath.
struct ParameterLayers {
    /// The first layer that has a value wins.
    private var layers: [Section]

    init(_ layers: [Section]) {
        self.layers = layers
    }

    /// Where the deployment's own parameters begin.
    var mark: Mark { self.layers[0].mark }
    /// Their path.
    var path: String { self.layers[0].path }

    /// The first field of that key that isn't empty.
    mutating func take(_ key: String) -> Field? {
        var found: Field?
        for index in self.layers.indices {
            guard let field = self.layers[index].take(key), !field.node.isNull else { continue }
            found = found ?? field
        }
        return found
    }

    /// What nobody took, the first layer's value for each key.
    var rest: [Field] {
        var seen: Set<String> = []
        return self.layers.flatMap(\.rest).filter { seen.insert($0.key).inserted }
    }

    /// The keys that were asked for.
    var known: [String] { self.layers[0].known }

    mutating func add(beneath layer: Section) {
        self.layers.insert(layer, at: min(1, self.layers.count))
    }
}
