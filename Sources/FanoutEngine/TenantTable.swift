// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutRouter

/// Tenants' names and their numbers.
///
/// A tenant that was seen once keeps its number for the life of the process.
///
/// Bounded by the number of uids that may connect to the socket.
package struct TenantTable {
    private var numbers: [String: TenantID] = [:]
    private var names: [String] = []

    /// An empty table.
    package init() {}

    /// The number of a tenant, new or known.
    mutating func id(of name: String) -> TenantID {
        if let id = self.numbers[name] { return id }
        let id = TenantID(self.names.count)
        self.numbers[name] = id
        self.names.append(name)
        return id
    }
}
