// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "flywheel",
  // `Mutex` needs macOS 15; `Array.span` needs macOS 26.
  platforms: [.macOS("26.0")],
  products: [
    .executable(name: "flywheel", targets: ["flywheel"]),
    .library(name: "ImageAssembly", targets: ["ImageAssembly"]),
    .library(name: "ImageProject", targets: ["ImageProject"]),
    .library(name: "LayerGraph", targets: ["LayerGraph"]),
    .library(name: "OCICore", targets: ["OCICore"]),
    .library(name: "OCITesting", targets: ["OCITesting"]),
    .library(name: "Registry", targets: ["Registry"]),
    .library(name: "Tarball", targets: ["Tarball"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    // System libraries: a module map each, nothing else.
    .systemLibrary(
      name: "CISAL", pkgConfig: "libisal",
      providers: [.apt(["libisal-dev"]), .brew(["isa-l"])]),
    .systemLibrary(
      name: "CLibArchive", pkgConfig: "libarchive",
      providers: [.apt(["libarchive-dev"]), .brew(["libarchive"])]),
    .systemLibrary(
      name: "CLibCrypto", pkgConfig: "libcrypto",
      providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
    .systemLibrary(
      name: "CLibdeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .brew(["libdeflate"])]),
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3",
      providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),

    // C of our own: what Swift cannot say.
    .target(name: "CHostFiles"),
    .target(name: "CSHA256", dependencies: ["CLibCrypto"]),

    // The C library, and all that differs between platforms.
    .target(name: "HostSystem", dependencies: ["CHostFiles"]),

    // Libraries, from the bottom up.
    .target(
      name: "OCICore",
      dependencies: [
        "CLibCrypto", "CSHA256", "HostSystem", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(name: "LayerGraph"),
    .target(
      name: "Tarball",
      dependencies: [
        "CISAL", "CLibArchive", "CLibdeflate", "CZlib", "CZstd", "HostSystem", "OCICore",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "ImageAssembly",
      dependencies: [
        "CSQLite", "LayerGraph", "OCICore", "Tarball",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "ImageProject",
      dependencies: [
        "ImageAssembly", "LayerGraph", "OCICore", "Tarball",
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Yams", package: "Yams"),
      ]),
    .target(
      name: "Registry",
      dependencies: [
        "HostSystem", "OCICore",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "OCITesting",
      dependencies: [
        "HostSystem", "OCICore", "Registry", .product(name: "SystemPackage", package: "swift-system"),
      ]),

    // The command line.
    .executableTarget(
      name: "flywheel",
      dependencies: [
        "HostSystem", "ImageAssembly", "ImageProject", "LayerGraph", "OCICore", "Registry", "Tarball",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),

    // Tests.
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "ImageAssembly", "LayerGraph", "OCICore", "OCITesting", "Registry", "Tarball", "flywheel",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    // Depends on the products as another package would.
    .testTarget(
      name: "EmbeddingTests",
      dependencies: [
        "ImageAssembly", "LayerGraph", "OCICore", "OCITesting", "Registry",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    // The commands and code of every guide.
    .testTarget(
      name: "GuideTests",
      dependencies: [
        "OCICore", "OCITesting", "Registry", "flywheel",
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Yams", package: "Yams"),
      ],
      exclude: ["Fixtures", "README.md", "images.sh", "network.py"]),
    .testTarget(
      name: "ImageAssemblyTests",
      dependencies: [
        "ImageAssembly", "LayerGraph", "OCICore", "OCITesting", "Registry", "Tarball",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(
      name: "ImageProjectTests",
      dependencies: [
        "ImageAssembly", "ImageProject", "OCICore", "OCITesting", "Tarball",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(name: "LayerGraphTests", dependencies: ["LayerGraph"]),
    // What fuzzers check of every input; the package FuzzTesting/ compiles it too.
    .target(
      name: "FuzzChecks",
      dependencies: [
        "ImageAssembly", "LayerGraph", "OCICore", "Tarball", .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "FuzzTesting/Sources/FuzzChecks"),
    .testTarget(
      name: "OCICoreTests",
      dependencies: [
        "FuzzChecks", "OCICore", "OCITesting", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(
      name: "RegistryTests",
      dependencies: [
        "OCICore", "OCITesting", "Registry", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(
      name: "TarballTests",
      dependencies: [
        "OCICore", "OCITesting", "Tarball", .product(name: "SystemPackage", package: "swift-system"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system {
  var settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  ]
  if target.type == .regular { settings.append(.strictMemorySafety()) }
  target.swiftSettings = settings
}
