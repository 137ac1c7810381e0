// swift-tools-version: 6.2
// Fanout
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

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

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioConcurrency: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let collections: Target.Dependency = .product(name: "Collections", package: "swift-collections")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")

let package = Package(
    name: "fanout",
    products: [
        .executable(name: "fanoutd", targets: ["fanoutd"]),
        .executable(name: "fanout", targets: ["fanout"]),
        .library(name: "FanoutClient", targets: ["FanoutClient", "FanoutModel"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // The C library that decodes and encodes the wire.
        .systemLibrary(
            name: "CProtobufC",
            pkgConfig: "libprotobuf-c",
            providers: [.apt(["libprotobuf-c-dev"])]
        ),
        // C generated from proto/ by scripts/generate.
        .target(name: "CFanoutProto", dependencies: ["CProtobufC"]),
        // System calls that Swift's Glibc module leaves out.
        .target(name: "CFanoutSystem"),
        // The domain as plain values.
        .target(name: "FanoutModel"),
        // JSON as a pull reader and a writer, bounded.
        .target(name: "FanoutJSON"),
        // Bytes, frames and FanoutModel.
        .target(name: "FanoutWire", dependencies: ["CFanoutProto", "CProtobufC", "FanoutModel"]),
        // One translator a wire format of providers.
        .target(name: "FanoutProviders", dependencies: ["FanoutJSON", "FanoutModel", crypto]),
        // How many tokens a prompt has.
        .target(name: "FanoutTokens", dependencies: ["FanoutModel"]),
        // Where credentials come from that end, and when they are renewed.
        .target(
            name: "FanoutCredentials",
            dependencies: ["FanoutJSON", "FanoutModel", "FanoutProviders", crypto, cryptoExtras]
        ),
        // What is counted and logged, as text.
        .target(name: "FanoutTelemetry", dependencies: ["FanoutJSON", "FanoutModel", logging]),
        // Every routing decision, and the actor that holds them.
        .target(name: "FanoutRouter", dependencies: ["FanoutModel", collections]),
        // LiteLLM's config.yaml and the environment into one snapshot.
        .target(
            name: "FanoutConfiguration",
            dependencies: [
                "FanoutCredentials", "FanoutJSON", "FanoutModel", "FanoutProviders", "FanoutTokens", crypto, yams,
            ]
        ),
        // Work of an event loop in turns.
        .target(name: "FanoutLoop", dependencies: ["CFanoutSystem", "FanoutModel", nioCore, nioPosix]),
        // Connections to providers and the attempts on them.
        .target(
            name: "FanoutUpstream",
            dependencies: [
                "FanoutCredentials", "FanoutLoop", "FanoutModel", "FanoutProviders", collections, nioCore, nioPosix,
                nioSSL, nioTLS, logging,
            ]
        ),
        // Runs a batch.
        .target(
            name: "FanoutEngine",
            dependencies: [
                "FanoutJSON", "FanoutModel", "FanoutProviders", "FanoutRouter", "FanoutTelemetry", "FanoutTokens",
                "FanoutUpstream", collections, crypto, logging, nioCore,
            ]
        ),
        // The Unix socket.
        .target(
            name: "FanoutServer",
            dependencies: [
                "FanoutEngine", "FanoutLoop", "FanoutModel", "FanoutTelemetry", "FanoutWire", collections, crypto,
                lifecycle, logging, nioCore, nioPosix,
            ]
        ),
        // The Swift client library.
        .target(
            name: "FanoutClient",
            dependencies: ["FanoutModel", "FanoutWire", nioCore, nioPosix]
        ),
        // Doubles that several test targets share.
        .target(
            name: "FanoutTestKit",
            dependencies: ["FanoutModel", "FanoutUpstream"]
        ),
        // The whole router against seeded providers in virtual time.
        .target(name: "FanoutSimulation", dependencies: ["FanoutModel", "FanoutRouter"]),
        // The daemon.
        .executableTarget(
            name: "fanoutd",
            dependencies: [
                "CFanoutSystem", "FanoutConfiguration", "FanoutEngine", "FanoutModel", "FanoutRouter", "FanoutServer",
                "FanoutTelemetry", "FanoutUpstream", arguments, lifecycle, logging, nioCore, nioPosix, signals,
            ]
        ),
        // The command line.
        .executableTarget(
            name: "fanout",
            dependencies: [
                "FanoutClient", "FanoutConfiguration", "FanoutJSON", "FanoutModel", "FanoutUpstream", arguments,
                logging,
                nioCore, nioPosix,
            ]
        ),

        .testTarget(name: "TidyTests"),
        .testTarget(name: "FanoutModelTests", dependencies: ["FanoutModel"]),
        .testTarget(name: "FanoutJSONTests", dependencies: ["FanoutJSON"]),
        .testTarget(name: "FanoutWireTests", dependencies: ["FanoutModel", "FanoutWire"]),
        .testTarget(name: "FanoutProvidersTests", dependencies: ["FanoutJSON", "FanoutModel", "FanoutProviders"]),
        .testTarget(
            name: "FanoutTelemetryTests",
            dependencies: ["FanoutJSON", "FanoutModel", "FanoutTelemetry", logging]
        ),
        .testTarget(name: "FanoutTokensTests", dependencies: ["FanoutModel", "FanoutTokens"]),
        .testTarget(
            name: "FanoutCredentialsTests",
            dependencies: ["FanoutCredentials", "FanoutJSON", "FanoutModel", crypto, cryptoExtras]
        ),
        .testTarget(
            name: "FanoutRouterTests",
            dependencies: ["FanoutModel", "FanoutRouter", "FanoutSimulation", nioCore, nioPosix]
        ),
        .testTarget(
            name: "FanoutConfigurationTests",
            dependencies: ["FanoutConfiguration", "FanoutModel", "FanoutProviders", "FanoutTokens"]
        ),
        .testTarget(name: "FanoutLoopTests", dependencies: ["FanoutLoop", "FanoutModel", nioCore, nioPosix]),
        .testTarget(
            name: "FanoutUpstreamTests",
            dependencies: [
                "FanoutModel", "FanoutProviders", "FanoutUpstream", logging, nioConcurrency, nioCore, nioEmbedded,
                nioPosix, nioSSL,
            ],
            exclude: ["Fixtures"]
        ),
        .testTarget(
            name: "FanoutEngineTests",
            dependencies: [
                "FanoutEngine", "FanoutModel", "FanoutRouter", "FanoutTelemetry", "FanoutTestKit", "FanoutTokens",
                "FanoutUpstream", logging, nioCore, nioPosix,
            ]
        ),
        .testTarget(
            name: "FanoutClientTests",
            dependencies: [
                "FanoutClient", "FanoutConfiguration", "FanoutJSON", "FanoutModel", "FanoutWire", "fanout", nioCore,
                nioPosix,
            ]
        ),
        .testTarget(
            name: "FanoutServerTests",
            dependencies: [
                "FanoutEngine", "FanoutModel", "FanoutRouter", "FanoutServer", "FanoutTelemetry", "FanoutTestKit",
                "FanoutUpstream", "FanoutWire", crypto, lifecycle, logging, nioCore, nioPosix,
            ]
        ),
    ]
)

for target in package.targets where target.type != .system && !["CFanoutProto", "CFanoutSystem"].contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + houseSettings
}
