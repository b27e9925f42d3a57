// swift-tools-version: 6.2
import PackageDescription

// A fuzzer a parser. `FuzzTesting/run` builds them with libFuzzer and the address sanitizer, which a manifest cannot ask for.
let package = Package(
  name: "flywheel-fuzz-testing",
  platforms: [.macOS("26.0")],
  dependencies: [
    .package(name: "flywheel", path: ".."),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    // The main package compiles these files too, to run old findings as tests.
    .target(
      name: "FuzzChecks",
      dependencies: [
        .product(name: "ImageAssembly", package: "flywheel"), .product(name: "LayerGraph", package: "flywheel"),
        .product(name: "OCICore", package: "flywheel"), .product(name: "Tarball", package: "flywheel"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    // Calls libFuzzer, so it links only under its sanitizer.
    .target(name: "FuzzDriver", dependencies: ["FuzzChecks"]),
  ],
  swiftLanguageModes: [.v6]
)

let names = [
  "Archive", "Configuration", "Description", "Descriptor", "Digest", "Index", "Manifest", "Mtree", "Nar", "Narinfo",
  "Plan", "Reference",
]
for name in names {
  package.targets.append(.executableTarget(name: "Fuzz\(name)", dependencies: ["FuzzChecks", "FuzzDriver"]))
}
