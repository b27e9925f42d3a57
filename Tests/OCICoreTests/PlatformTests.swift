import OCICore
import Testing

/// Platforms are named and chosen as containerd names and chooses them.
struct PlatformTests {
  private func platform(_ text: String) throws -> Platform { try Platform(text) }

  /// The table of containerd's normalisation.
  @Test(arguments: [
    ("linux/amd64", "linux/amd64"), ("Linux/AMD64", "linux/amd64"), ("linux/x86_64", "linux/amd64"),
    ("linux/x86-64", "linux/amd64"), ("linux/amd64/v1", "linux/amd64"), ("linux/x86_64/v1", "linux/amd64"),
    ("linux/amd64/v2", "linux/amd64/v2"), ("linux/x86_64/v3", "linux/amd64/v3"), ("linux/i386", "linux/386"),
    ("linux/i386/x", "linux/386"), ("linux/aarch64", "linux/arm64"), ("linux/aarch64/v8", "linux/arm64"),
    ("linux/arm64/8", "linux/arm64"), ("linux/arm64/v8", "linux/arm64"), ("linux/arm64/v9", "linux/arm64/v9"),
    ("linux/aarch64/v8.2", "linux/arm64/v8.2"), ("linux/armhf", "linux/arm/v7"), ("linux/armhf/v6", "linux/arm/v7"),
    ("linux/armel", "linux/arm/v6"), ("linux/arm", "linux/arm/v7"), ("linux/arm/7", "linux/arm/v7"),
    ("linux/arm/5", "linux/arm/v5"), ("linux/arm/6", "linux/arm/v6"), ("linux/arm/8", "linux/arm/v8"),
    ("linux/arm/v7", "linux/arm/v7"), ("macos/arm64", "darwin/arm64"), ("linux/riscv64", "linux/riscv64"),
    ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"), ("linux/s390x", "linux/s390x"),
  ])
  func normalisation(text: String, expected: String) throws {
    let normalized = try platform(text).normalized
    #expect(normalized.description == expected)
    #expect(normalized.normalized == normalized)
  }

  @Test(arguments: [
    ("linux/amd64", ["linux/amd64", "linux/386"]),
    ("linux/amd64/v3", ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"]),
    ("linux/arm", ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]),
    ("linux/arm/v6", ["linux/arm/v6", "linux/arm/v5"]), ("linux/arm/v5", ["linux/arm/v5"]),
    (
      "linux/arm64",
      ["linux/arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]
    ),
    (
      "linux/arm64/v8.2",
      [
        "linux/arm64/v8.2", "linux/arm64/v8.1", "linux/arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6",
        "linux/arm/v5",
      ]
    ),
    (
      "linux/arm64/v9.1",
      [
        "linux/arm64/v9.1", "linux/arm64/v9", "linux/arm64/v8.6", "linux/arm64/v8.5", "linux/arm64/v8.4",
        "linux/arm64/v8.3", "linux/arm64/v8.2", "linux/arm64/v8.1", "linux/arm64", "linux/arm/v8", "linux/arm/v7",
        "linux/arm/v6", "linux/arm/v5",
      ]
    ),
    (
      "linux/arm64/v9",
      ["linux/arm64/v9"] + (1...5).reversed().map { "linux/arm64/v8.\($0)" } + ["linux/arm64"]
        + (5...9).reversed().map { "linux/arm/v\($0)" }
    ),
    ("linux/arm64/v1", ["linux/arm64/v1", "linux/arm/v1"]), ("linux/arm64/x", ["linux/arm64/x", "linux/arm/x"]),
    ("linux/amd64/3", ["linux/amd64/3", "linux/amd64/v2", "linux/amd64", "linux/386"]),
    ("linux/riscv64", ["linux/riscv64"]), ("linux/arm/strange", ["linux/arm/strange"]),
    ("linux/arm/v99999999999999999999", ["linux/arm/v99999999999999999999"]),
  ])
  func fallbacks(text: String, expected: [String]) throws {
    #expect(try platform(text).fallbacks.map(\.description) == expected)
  }

  private func index(_ platforms: [String]) throws -> ImageIndex {
    var entries: [Descriptor] = []
    for (number, text) in platforms.enumerated() {
      entries.append(
        Descriptor(
          mediaType: .imageManifest, digest: .of([UInt8(number)]), size: 1,
          platform: text.isEmpty ? nil : try Platform(text)))
    }
    return ImageIndex(manifests: entries)
  }

  /// What is there, what is wanted, which one is chosen.
  @Test(
    arguments: [
      (["linux/amd64", "linux/arm64"], "linux/arm64", 1), (["linux/amd64", "linux/arm64/v8"], "linux/aarch64", 1),
      (["linux/arm/v5", "linux/arm/v6"], "linux/arm/v7", 1), (["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7", 1),
      (["linux/arm/v7"], "linux/arm/v6", nil), (["linux/386"], "linux/amd64", 0),
      (["linux/386", "linux/amd64"], "linux/amd64", 1),
      (["linux/amd64"], "linux/amd64/v3", 0), (["linux/amd64/v3"], "linux/amd64", nil),
      (["", "linux/amd64"], "linux/amd64", 1),
      (["unknown/unknown"], "linux/amd64", nil), (["windows/amd64"], "linux/amd64", nil), ([], "linux/amd64", nil),
      (["linux/amd64", "linux/amd64"], "linux/amd64", 0),
      (["windows(10.0.14393.1)/amd64", "windows(10.0.17763.2)/amd64"], "windows(10.0.17763.9)/amd64", 1),
      (["windows(10.0.14393.1)/amd64"], "windows(10.0.17763)/amd64", nil),
      (["windows/amd64"], "windows(10.0.17763)/amd64", 0),
    ] as [([String], String, Int?)])
  func theBestManifestIsChosen(entries: [String], wanted: String, expected: Int?) throws {
    let index = try index(entries)
    let found = index.manifest(for: try platform(wanted))
    #expect(found == expected.map { index.manifests[$0] })
    // Without fallbacks nothing but the platform itself will do.
    let exact = index.manifest(for: try platform(wanted), fallback: false)
    let matching = try index.manifests.first { try $0.platform.map(platform(wanted).matches) == true }
    #expect(exact == matching)
  }

  @Test func anAttestationIsNeverChosen() throws {
    var index = try index(["linux/amd64", "linux/amd64"])
    index.manifests[0].annotations[AnnotationKey.dockerReferenceType] = "attestation-manifest"
    #expect(index.manifest(for: Platform(architecture: "amd64")) == index.manifests[1])
  }

  @Test func featuresThatTheHostLacksAreMinded() {
    let plain = Platform(architecture: "amd64", os: "windows")
    let needy = Platform(architecture: "amd64", os: "windows", osFeatures: ["win32k"])
    #expect(needy.matches(plain))
    #expect(!plain.matches(needy))
  }

  @Test(arguments: [
    "", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "linux/a b", "linux/../amd64x/", "lin*x/amd64",
    "linux()/amd64",
  ])
  func textsThatAreNoPlatformsAreRefused(text: String) {
    let error = #expect(throws: OCIError.self) { try Platform(text) }
    #expect(error?.code == .invalidPlatform)
  }
}
