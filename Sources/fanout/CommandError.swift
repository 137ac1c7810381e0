// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Why a command can't do what it was asked to, in words for a person; ends with exit status 2.
struct CommandError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
