// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutRouter

/// Tenants' names and their numbers.
///
/// A tenant that was seen once keeps its number for the life of the process.
///
/// Bounded by the number of uids that may connect to the socket, and of tenants that the configuration has ever named.
package struct TenantTable {
    private var numbers: [String: TenantID] = [:]
    private var names: [String] = []

    /// An empty table.
    package init() {}

    /// All tenants there were, in the order of their numbers.
    var all: [(name: String, id: TenantID)] {
        self.names.enumerated().map { ($0.element, TenantID($0.offset)) }
    }

    /// The number of a tenant, new or known.
    mutating func id(of name: String) -> TenantID {
        if let id = self.numbers[name] { return id }
        let id = TenantID(self.names.count)
        self.numbers[name] = id
        self.names.append(name)
        return id
    }
}
