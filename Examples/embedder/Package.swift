// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "embedder",
  platforms: [.macOS("26.0")],
  dependencies: [
    .package(name: "flywheel", path: "../.."),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .executableTarget(
      name: "embedder",
      dependencies: [
        .product(name: "ImageAssembly", package: "flywheel"),
        .product(name: "LayerGraph", package: "flywheel"),
        .product(name: "OCICore", package: "flywheel"),
        .product(name: "Registry", package: "flywheel"),
        .product(name: "Tarball", package: "flywheel"),
        .product(name: "SystemPackage", package: "swift-system"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
