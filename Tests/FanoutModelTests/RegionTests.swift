// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

struct RegionTests {
    @Test(arguments: [
        ("eu", "eu", true), ("eu", "swedencentral", true), ("eu", "eu-central-1", true), ("eu", "europe-west4", true),
        ("eu", "westeurope", true), ("us", "eastus2", true), ("us", "us-west-2", true), ("us", "us-central1", true),
        ("eu-central-1", "eu-central-1", true), ("eu-central-1", "eu", false), ("us", "eu", false),
        ("us", "australiaeast", false), ("eu", "somewhere", false), ("eu", nil, false),
        // Not in the Union.
        ("eu", "uksouth", false), ("eu", "eu-west-2", false), ("eu", "switzerlandnorth", false),
        ("eu", "europe-west6", false), ("eu", "norwayeast", false),
    ])
    func `a region is served by one that is known to be it or in it`(wanted: String, region: String?, serves: Bool) {
        #expect(Region.serves(wanted, in: region) == serves)
    }

    @Test func `names of regions are written in many ways`() {
        #expect(Region.normalized("Sweden Central") == "swedencentral")
        #expect(Region.normalized("EU") == "eu")
    }
}
