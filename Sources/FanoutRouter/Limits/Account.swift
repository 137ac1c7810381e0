// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Limits that several lanes share, most often those of one key.
struct Account {
    var name: String
    var limits = RateGate()
    /// Those that share it, in the configuration in force.
    var lanes: [LaneID] = []
    /// The lane that hears of a change first: the one after that which took something last, so that none is always
    /// the first to take what comes back.
    var turn = 0
    /// Whether it would let the smallest attempt go, as of its last change.
    var isOpen = true

    init(name: String) {
        self.name = name
    }
}
