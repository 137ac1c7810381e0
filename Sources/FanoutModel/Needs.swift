// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What a request needs of a deployment, and what a deployment offers.
package struct Needs: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32

    /// Makes a set from its bits.
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let chat = Needs(rawValue: 1 << 0)
    package static let completion = Needs(rawValue: 1 << 1)
    package static let embedding = Needs(rawValue: 1 << 2)
    package static let tools = Needs(rawValue: 1 << 3)
    package static let vision = Needs(rawValue: 1 << 4)
    package static let documents = Needs(rawValue: 1 << 5)
    package static let audio = Needs(rawValue: 1 << 6)
    package static let jsonMode = Needs(rawValue: 1 << 7)
    package static let jsonSchema = Needs(rawValue: 1 << 8)
    package static let logprobs = Needs(rawValue: 1 << 9)
    package static let streaming = Needs(rawValue: 1 << 10)
    package static let choices = Needs(rawValue: 1 << 11)

    /// Everything: what a deployment of unknown capabilities is taken to offer.
    package static let all = Needs(rawValue: (1 << 12) - 1)
}
