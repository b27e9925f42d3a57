// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "planner",
  platforms: [.macOS("26.0")],
  dependencies: [.package(name: "flywheel", path: "../..")],
  targets: [
    .executableTarget(name: "planner", dependencies: [.product(name: "LayerGraph", package: "flywheel")])
  ],
  swiftLanguageModes: [.v6]
)
