// Fanout
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FanoutProviders

@Suite struct AnthropicMembersTests {
    @Test func `each key that means something has a place`() {
        #expect(AnthropicMembers.Key.allCases.count == AnthropicMembers.Places.count)
    }
}
