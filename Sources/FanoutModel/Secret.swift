// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A key or token that prints as `<redacted>`.
///
/// Only the code that writes it into a provider's request calls ``revealed``.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The secret itself.
    package let revealed: String

    /// Wraps a secret.
    package init(_ value: String) {
        self.revealed = value
    }

    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
