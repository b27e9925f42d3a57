import OCICore
import Testing

/// Each rule of the image-spec that `validate()` knows is found broken where it is, and nowhere else.
struct ValidationTests {
  private static let digest = Digest.of([1])
  private static let layer = Descriptor(mediaType: .layerTarGzip, digest: digest, size: 1)
  private static let config = Descriptor(mediaType: .imageConfiguration, digest: digest, size: 1)
  private static let manifest = ImageManifest(config: config, layers: [layer])
  private static let index = ImageIndex(manifests: [
    Descriptor(mediaType: .imageManifest, digest: digest, size: 1, platform: Platform(architecture: "amd64"))
  ])
  private static var configuration: ImageConfiguration {
    var runtime = RuntimeConfiguration()
    runtime.user = "1000:1000"
    runtime.environment = ["A=b", "B="]
    runtime.exposedPorts = ["80", "81/tcp", "82/udp", "83-90/tcp"]
    runtime.volumes = ["/data"]
    runtime.workingDirectory = "/"
    runtime.stopSignal = "SIGRTMIN+3"
    runtime.labels = ["com.example.a": ""]
    runtime.healthCheck = HealthCheck(test: ["CMD-SHELL", "x"], interval: .seconds(30), retries: 0)
    return ImageConfiguration(
      platform: Platform(architecture: "arm64", variant: "v8"), runtime: runtime, diffIDs: [digest],
      history: [.init(created: "0001-01-01T00:00:00Z"), .init(emptyLayer: true)], created: "2026-01-31T12:00:00.5+01:00"
    )
  }

  /// What is expected: severity and JSONPath.
  private func expect(_ findings: [Finding], _ expected: [String], _ what: String) {
    #expect(findings.map { "\($0.severity.rawValue) \($0.path)" } == expected, "\(what): \(findings)")
    for finding in findings {
      #expect(finding.section.hasPrefix("image-spec "))
      #expect(finding.section.contains(".md §"))
      #expect(finding.message.count > 10)
      #expect(finding.description.contains(finding.path))
    }
  }

  @Test func validDocumentsHaveNoFindings() {
    expect(Self.manifest.validate(), [], "manifest")
    expect(Self.index.validate(), [], "index")
    expect(Self.configuration.validate(), [], "configuration")
    expect(Descriptor.empty.validate(), [], "empty descriptor")
    let artifact = ImageManifest(
      artifactType: .octetStream, config: .empty, layers: [.empty], subject: Self.index.manifests[0])
    expect(artifact.validate(), [], "artifact")
    let docker = ImageManifest(
      mediaType: .dockerManifest, config: .init(mediaType: .dockerConfiguration, digest: Self.digest, size: 1),
      layers: [.init(mediaType: .dockerLayerTarGzip, digest: Self.digest, size: 1)])
    expect(docker.validate(), [], "Docker manifest")
  }

  private static let manifestFaults: [(String, [String], @Sendable (inout ImageManifest) -> Void)] = [
    ("index type", ["error $.mediaType"], { $0.mediaType = .imageIndex }),
    ("layer type", ["error $.mediaType"], { $0.mediaType = .layerTar }),
    ("no layers", ["warning $.layers"], { $0.layers = [] }),
    ("negative size", ["error $.layers[0].size"], { $0.layers[0].size = -1 }),
    ("sum of sizes", ["error $.layers"], { $0.layers += [.init(mediaType: .layerTar, digest: digest, size: .max)] }),
    ("unknown layer", ["warning $.layers[0].mediaType"], { $0.layers[0].mediaType = .octetStream }),
    (
      "foreign layer", ["warning $.layers[0].mediaType"], { $0.layers[0].mediaType = .nondistributableLayerTarGzip }
    ),
    ("mixed layers", ["warning $.layers[0].mediaType"], { $0.layers[0].mediaType = .dockerLayerTarGzip }),
    ("mixed config", ["warning $.config.mediaType"], { $0.config.mediaType = .dockerConfiguration }),
    ("no artifact type", ["error $.artifactType"], { $0.config = .empty }),
    ("false empty", ["warning $.config", "error $.artifactType"], { $0.config.mediaType = .empty }),
    ("subject", ["warning $.subject.mediaType"], { $0.subject = layer }),
    ("key", ["error $.annotations['']"], { $0.annotations[""] = "x" }),
    (
      "time", ["error $.annotations['org.opencontainers.image.created']"],
      { $0.annotations[AnnotationKey.created] = "today" }
    ),
    (
      "base", ["error $.annotations['org.opencontainers.image.base.digest']"],
      { $0.annotations[AnnotationKey.baseDigest] = "sha256:1" }
    ),
    (
      "empty values", [],
      {
        $0.annotations[AnnotationKey.baseDigest] = ""
        $0.annotations[AnnotationKey.created] = ""
      }
    ),
    ("no URL", ["error $.layers[0].urls[0]"], { $0.layers[0].urls = ["a b", "https://a.b/c?d#e"] }),
    ("other scheme", ["warning $.layers[0].urls[0]"], { $0.layers[0].urls = ["ftp://a.b/c"] }),
    ("relative URL", ["error $.layers[0].urls[0]"], { $0.layers[0].urls = ["/a/b"] }),
    ("wrong data", ["error $.config.data"], { $0.config.data = [2] }),
    ("long data", ["error $.config.data"], { $0.config.data = [1, 1] }),
    ("right data", [], { $0.config.data = [1] }),
    (
      "algorithm", ["warning $.layers[0].digest"],
      { manifest in if let odd = try? Digest("md5:00") { manifest.layers[0].digest = odd } }
    ),
  ]

  @Test(arguments: manifestFaults.indices) func aFaultOfAManifestIsFound(index: Int) {
    let (what, expected, change) = Self.manifestFaults[index]
    var manifest = Self.manifest
    change(&manifest)
    expect(manifest.validate(), expected, what)
  }

  private static let indexFaults: [(String, [String], @Sendable (inout ImageIndex) -> Void)] = [
    ("type", ["error $.mediaType"], { $0.mediaType = .imageManifest }),
    ("child", ["warning $.manifests[0].mediaType"], { $0.manifests[0].mediaType = .layerTar }),
    ("size", ["warning $.manifests[0].size"], { $0.manifests[0].size = 5 << 20 }),
    (
      "platform", ["error $.manifests[0].platform.architecture", "error $.manifests[0].platform.os"],
      { $0.manifests[0].platform = Platform(architecture: "", os: "") }
    ),
    (
      "names", ["warning $.manifests[0].platform.architecture", "warning $.manifests[0].platform.os"],
      { $0.manifests[0].platform = Platform(architecture: "x86_64", os: "Linux") }
    ),
    ("subject", ["error $.subject.size"], { $0.subject = .init(mediaType: .imageManifest, digest: digest, size: -1) }),
    ("attestation", [], { $0.manifests[0].platform = Platform(architecture: "unknown", os: "unknown") }),
  ]

  @Test(arguments: indexFaults.indices) func aFaultOfAnIndexIsFound(number: Int) {
    let (what, expected, change) = Self.indexFaults[number]
    var index = Self.index
    change(&index)
    expect(index.validate(), expected, what)
  }

  private static let configurationFaults: [(String, [String], @Sendable (inout ImageConfiguration) -> Void)] = [
    ("created", ["error $.created"], { $0.created = "2026-02-31T00:00:00Z" }),
    ("empty created", ["error $.created"], { $0.created = "" }),
    ("architecture", ["error $.architecture"], { $0.platform.architecture = "" }),
    ("os", ["error $.os"], { $0.platform.os = "" }),
    ("name", ["warning $.architecture"], { $0.platform.architecture = "aarch64" }),
    ("rootfs", ["error $.rootfs.type"], { $0.rootFS.type = "layers+base" }),
    (
      "algorithm", ["warning $.rootfs.diff_ids[0]"],
      { configuration in if let odd = try? Digest("md5:00") { configuration.diffIDs[0] = odd } }
    ),
    ("history time", ["error $.history[1].created"], { $0.history[1].created = "x" }),
    ("too many steps", ["error $.history"], { $0.history.append(.init()) }),
    ("too few steps", ["warning $.history"], { $0.history[0].emptyLayer = true }),
    ("no history", [], { $0.history = [] }),
    ("port", ["error $.config.ExposedPorts['80/icmp']"], { $0.runtime.exposedPorts.insert("80/icmp") }),
    ("port name", ["error $.config.ExposedPorts['http']"], { $0.runtime.exposedPorts.insert("http") }),
    ("port number", ["error $.config.ExposedPorts['65536']"], { $0.runtime.exposedPorts.insert("65536") }),
    ("variable", ["error $.config.Env[2]"], { $0.runtime.environment.append("C") }),
    ("nameless", ["error $.config.Env[2]"], { $0.runtime.environment.append("=C") }),
    ("twice", ["warning $.config.Env[2]"], { $0.runtime.environment.append("A=c") }),
    ("NUL", ["error $.config.Cmd[0]"], { $0.runtime.command = ["a\u{0}"] }),
    ("NUL user", ["error $.config.User"], { $0.runtime.user = "\u{0}" }),
    ("volume", ["warning $.config.Volumes['data']"], { $0.runtime.volumes.insert("data") }),
    ("directory", ["warning $.config.WorkingDir"], { $0.runtime.workingDirectory = "app" }),
    ("label", ["error $.config.Labels['']"], { $0.runtime.labels[""] = "" }),
    ("signal", ["error $.config.StopSignal"], { $0.runtime.stopSignal = "stop it" }),
    ("number of a signal", ["error $.config.StopSignal"], { $0.runtime.stopSignal = "65" }),
    ("numbered signal", [], { $0.runtime.stopSignal = "15" }),
    ("escaped", ["warning $.config.ArgsEscaped"], { $0.runtime.argumentsEscaped = true }),
    ("test", ["error $.config.Healthcheck.Test[0]"], { $0.runtime.healthCheck?.test = ["curl"] }),
    ("interval", ["error $.config.Healthcheck.Interval"], { $0.runtime.healthCheck?.interval = .nanoseconds(30) }),
    ("retries", ["error $.config.Healthcheck.Retries"], { $0.runtime.healthCheck?.retries = -1 }),
    (
      "Windows", [],
      {
        $0.platform.os = "windows"
        $0.runtime.workingDirectory = "C:\\app"
        $0.runtime.volumes = ["C:\\data"]
        $0.runtime.argumentsEscaped = true
      }
    ),
  ]

  @Test(arguments: configurationFaults.indices) func aFaultOfAConfigurationIsFound(index: Int) {
    let (what, expected, change) = Self.configurationFaults[index]
    var configuration = Self.configuration
    change(&configuration)
    expect(configuration.validate(), expected, what)
  }

  @Test func aPathNamesOddKeysAsJSONPathDoes() {
    var manifest = Self.manifest
    manifest.annotations = ["": ""]
    #expect(manifest.validate().first?.path == "$.annotations['']")
    var configuration = Self.configuration
    configuration.runtime.exposedPorts = ["it's \\ odd"]
    #expect(configuration.validate().first?.path == #"$.config.ExposedPorts['it\'s \\ odd']"#)
  }
}
