// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Why the server can't start or go on.
package struct ServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, and what to do.
    package let message: String

    /// Makes an error.
    package init(_ message: String) {
        self.message = message
    }

    package var description: String { self.message }
}
