// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Names of regions: `eu` and `us`, and those that clouds give theirs.
package enum Region {
    /// A name without blanks and capitals: `Sweden Central` is `swedencentral`.
    package static func normalized(_ name: String) -> String {
        name.lowercased().filter { $0 != " " && $0 != "\t" }
    }

    /// Whether a deployment in `region` may serve who asks for `wanted`; both normalized.
    ///
    /// A region that isn't known to be in an area isn't taken for one that is.
    package static func serves(_ wanted: String, in region: String?) -> Bool {
        guard let region else { return false }
        return region == wanted || self.area(of: region) == wanted
    }

    /// `eu` for regions in a member state of the European Union, `us` for those in the United States; nil = neither.
    ///
    /// London, Zurich and Oslo are not in the Union. The names are those of AWS, Google Cloud and Azure.
    package static func area(of region: String) -> String? {
        if region == "eu" || region == "europe" || self.union.contains(region) { return "eu" }
        if region == "us" || region.hasPrefix("us-") || self.states.contains(region) { return "us" }
        return nil
    }

    private static let union: Set<String> = [
        "eu-west-1", "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2",
        "europe-west1", "europe-west3", "europe-west4", "europe-west8", "europe-west9", "europe-west10",
        "europe-west12", "europe-north1", "europe-north2", "europe-central2", "europe-southwest1",
        "westeurope", "northeurope", "swedencentral", "swedensouth", "francecentral", "francesouth",
        "germanywestcentral", "germanynorth", "polandcentral", "italynorth", "spaincentral", "austriaeast",
        "belgiumcentral",
    ]

    private static let states: Set<String> = [
        "eastus", "eastus2", "westus", "westus2", "westus3", "centralus", "northcentralus", "southcentralus",
        "westcentralus", "usgovvirginia", "usgovarizona", "usgovtexas",
    ]
}
