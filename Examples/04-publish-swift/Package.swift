// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "publish",
    dependencies: [.package(name: "opsbus", path: "../..")],
    targets: [
        .executableTarget(name: "publish", dependencies: [.product(name: "OpsBusClient", package: "opsbus")])
    ]
)
