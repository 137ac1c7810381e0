// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What a request needs of a deployment, and what a deployment offers.
///
/// `@usableFromInline` for the router's decisions: see docs/internals/workarounds.md.
@usableFromInline
package struct Needs: OptionSet, Sendable, Hashable {
    @usableFromInline
    package let rawValue: UInt32

    /// Makes a set from its bits.
    @inlinable
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    @inlinable package static var chat: Needs { Needs(rawValue: 1 << 0) }
    @inlinable package static var completion: Needs { Needs(rawValue: 1 << 1) }
    @inlinable package static var embedding: Needs { Needs(rawValue: 1 << 2) }
    @inlinable package static var tools: Needs { Needs(rawValue: 1 << 3) }
    @inlinable package static var vision: Needs { Needs(rawValue: 1 << 4) }
    @inlinable package static var documents: Needs { Needs(rawValue: 1 << 5) }
    @inlinable package static var audio: Needs { Needs(rawValue: 1 << 6) }
    @inlinable package static var jsonMode: Needs { Needs(rawValue: 1 << 7) }
    @inlinable package static var jsonSchema: Needs { Needs(rawValue: 1 << 8) }
    @inlinable package static var logprobs: Needs { Needs(rawValue: 1 << 9) }
    @inlinable package static var streaming: Needs { Needs(rawValue: 1 << 10) }
    @inlinable package static var choices: Needs { Needs(rawValue: 1 << 11) }

    /// Everything: what a deployment of unknown capabilities is taken to offer.
    @inlinable package static var all: Needs { Needs(rawValue: (1 << 12) - 1) }
}
