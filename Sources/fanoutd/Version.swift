// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The daemon's version, as `--version`, Welcome and Status give it.
enum Version {
    static let text = "0.1.0"
}
