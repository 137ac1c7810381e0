// swift-tools-version: 6.2
// Fanout
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// What is measured here has `package` access, which doesn't cross packages. So the folders of the parent's targets are
// linked into Sources, and built once more as targets of this package; no flag is needed, and nothing is published.
let houseSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .treatWarning("DeprecatedDeclaration", as: .warning),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
]

let package = Package(
    name: "fanout-benchmarks",
    products: [
        .executable(name: "fanout-benchmarks", targets: ["FanoutBenchmarks"]),
        .executable(name: "routing-table", targets: ["RoutingTable"]),
        .executable(name: "simulate", targets: ["Simulate"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    ],
    targets: [
        .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
        .target(name: "CFanoutProto", dependencies: ["CProtobufC"]),
        .target(name: "FanoutModel"),
        .target(name: "FanoutJSON"),
        .target(name: "FanoutWire", dependencies: ["CFanoutProto", "CProtobufC", "FanoutModel"]),
        .target(
            name: "FanoutProviders",
            dependencies: ["FanoutJSON", "FanoutModel", .product(name: "Crypto", package: "swift-crypto")]
        ),
        .target(
            name: "FanoutRouter",
            dependencies: [
                "FanoutModel", .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ]
        ),
        .target(name: "FanoutSimulation", dependencies: ["FanoutModel", "FanoutRouter"]),
        .executableTarget(name: "RoutingTable", dependencies: ["FanoutSimulation"]),
        .executableTarget(name: "Simulate", dependencies: ["FanoutSimulation"]),
        // Counts what is allocated.
        .target(name: "CAllocations"),
        .executableTarget(
            name: "FanoutBenchmarks",
            dependencies: [
                "CAllocations", "FanoutJSON", "FanoutModel", "FanoutProviders", "FanoutRouter", "FanoutWire",
            ]
        ),
    ]
)

for target in package.targets
where target.type != .system && !["CAllocations", "CFanoutProto"].contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + houseSettings
}
