// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "flywheel-benchmarks",
  platforms: [.macOS("26.0")],
  dependencies: [
    .package(name: "flywheel", path: ".."),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .executableTarget(
      name: "DocumentBenchmark",
      dependencies: [
        .product(name: "OCICore", package: "flywheel"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(
      name: "LayerBenchmark",
      dependencies: [
        "LeastWork", "Measuring",
        .product(name: "OCICore", package: "flywheel"),
        .product(name: "Tarball", package: "flywheel"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(name: "LeastWork"),
    .target(name: "Measuring"),
    .executableTarget(
      name: "RegistryBenchmark",
      dependencies: [
        "Measuring",
        .product(name: "OCICore", package: "flywheel"),
        .product(name: "OCITesting", package: "flywheel"),
        .product(name: "Registry", package: "flywheel"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(
      name: "PlanBenchmark",
      dependencies: [
        .product(name: "ImageAssembly", package: "flywheel"),
        .product(name: "LayerGraph", package: "flywheel"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
