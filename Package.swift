// swift-tools-version: 6.2
import PackageDescription

// Warnings fail the build where Tests/run.sh asks for it, so that they never block work in progress.
let strict: [SwiftSetting] =
    Context.environment["OPSBUS_WARNINGS_AS_ERRORS"] == "1" ? [.treatAllWarnings(as: .error)] : []

let swiftSettings: [SwiftSetting] = strict + [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func library(_ name: String, _ dependencies: [String]) -> Target {
    .target(name: name, dependencies: dependencies.map { .byName(name: $0) }, swiftSettings: swiftSettings)
}

func tests(_ module: String, _ dependencies: [String] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(module)Tests",
        dependencies: ([module, "Core", "TestSupport"] + dependencies).map { .byName(name: $0) },
        exclude: exclude,
        swiftSettings: swiftSettings)
}

// What each library may import stands in Sources/README.md; LayeringTests compares the two with the sources.
let package = Package(
    name: "opsbus",
    products: [
        .executable(name: "opsbus", targets: ["Main"]),
        .executable(name: "opsbus-bench", targets: ["Benchmarks"]),
        .library(name: "OpsBusClient", targets: ["Bus"]),
    ],
    targets: [
        .systemLibrary(name: "CZeroMQ", path: "Sources/CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
        .systemLibrary(name: "CSQLite", path: "Sources/CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CYAML", path: "Sources/CYAML", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CSodium", path: "Sources/CSodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(
            name: "CMicroHTTPD", path: "Sources/CMicroHTTPD", providers: [.apt(["libmicrohttpd-dev"])]),
        .target(
            name: "CShims", cSettings: [.unsafeFlags(["-O2"])],
            // Floating-point rounding in the standard library is a call to libm.
            linkerSettings: [.linkedLibrary("m")]),

        library("Core", ["CShims", "CSodium", "CYAML"]),
        library("Patterns", ["CShims", "Core"]),
        library("Documents", ["Core"]),
        library("Access", ["Core"]),
        library("API", ["Core"]),
        library("Platform", ["CShims", "Core"]),
        library("Bus", ["API", "CShims", "CZeroMQ", "Core", "Platform"]),
        library("Storage", ["CSQLite", "CShims", "Core", "Platform"]),
        library("Events", ["API", "Access", "CShims", "Core", "Patterns", "Platform", "Storage"]),
        library("Messaging", ["API", "Access", "Core", "Patterns", "Platform", "Storage"]),
        library("Systems", ["API", "Core", "Documents", "Platform", "Storage"]),
        library("Governance", ["API", "Access", "Core", "Platform", "Storage"]),
        library("Gateway", ["API", "Access", "CCurl", "CMicroHTTPD", "CShims", "Core", "Platform"]),
        library("Agent", ["API", "Core", "Documents", "Platform"]),
        .executableTarget(
            name: "Main",
            dependencies: [
                "API", "Access", "Agent", "Bus", "Core", "Documents", "Events", "Gateway", "Governance", "Messaging",
                "Patterns", "Platform", "Storage", "Systems",
            ],
            swiftSettings: swiftSettings),
        .target(name: "CCurl"),
        .target(name: "CBenchmarks"),
        .executableTarget(
            name: "Benchmarks",
            dependencies: ["Bus", "CBenchmarks", "CShims", "CZeroMQ", "Core", "Patterns", "Platform", "Storage"],
            exclude: ["README.md", "Ingest/jetstream.c"],
            swiftSettings: swiftSettings),

        .target(
            name: "TestSupport", dependencies: ["API", "Core", "Platform", "Storage"], path: "Tests/TestSupport",
            swiftSettings: swiftSettings),
        .testTarget(name: "CoreTests", dependencies: ["Core", "TestSupport"], swiftSettings: swiftSettings),
        tests("Patterns", exclude: ["Data", "Fuzzing"]),
        tests("Documents", exclude: ["Corpus"]),
        tests("API"),
        tests("Platform"),
        tests("Bus", ["API", "Platform"]),
        tests("Storage", ["Platform"]),
        tests(
            "Events", ["API", "Access", "Messaging", "Patterns", "Platform", "Storage"],
            exclude: ["RuleFiles/Templates"]),
        tests("Messaging", ["API", "Platform", "Storage"]),
        tests("Systems", ["API", "Documents", "Platform", "Storage"]),
        tests("Governance", ["API", "Platform", "Storage"]),
        tests("Access", exclude: ["Vectors"]),
        tests("Gateway", ["API", "Access", "Platform"]),
        tests("Agent", ["API", "Documents", "Platform", "Storage", "Systems"]),
        tests(
            "Main", ["API", "Documents", "Events", "Gateway", "Patterns", "Platform", "Storage", "Systems"],
            exclude: ["Snapshots"]),
        .testTarget(
            name: "ScenarioTests", dependencies: ["Main", "Core", "Platform", "TestSupport"], exclude: ["Clients"],
            swiftSettings: swiftSettings),
        .testTarget(name: "LayeringTests", swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)

// libFuzzer's target, which has no main of its own: only Tests/PatternsTests/Fuzzing/run.sh builds it.
if Context.environment["OPSBUS_FUZZING"] == "1" {
    package.products.append(.executable(name: "patterns-fuzzer", targets: ["PatternsFuzzer"]))
    package.targets.append(
        .executableTarget(
            name: "PatternsFuzzer", dependencies: ["CShims", "Core", "Patterns"], path: "Tests/PatternsTests/Fuzzing",
            exclude: ["run.sh"], swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])]))
}
