import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

/// Documents that skopeo, buildah, umoci and podman write, made on the spot, are read without a loss; and what we write is
/// read by all of them.
@Suite(.enabled(if: Tool.areInstalled("skopeo", "buildah", "umoci", "podman", "tar"))) struct RealToolTests {
  private struct ToolFailure: Error { var description: String }

  /// The tools with storage and configuration of their own, in one directory.
  private struct Workshop {
    let directory: FilePath
    private let environment: [String: String]

    init(_ directory: FilePath) async throws {
      self.directory = directory
      let files = [
        // Where raising limits is not allowed, the defaults of the tools fail.
        "containers.conf": """
        [containers]
        default_ulimits = ["nofile=20000:20000"]
        netns = "none"
        [engine]
        runtime = "\(Tool.path("runc") == nil ? "crun" : "runc")"
        cgroup_manager = "cgroupfs"
        events_logger = "file"
        """,
        "storage.conf": """
        [storage]
        driver = "vfs"
        graphroot = "\(directory)/graph"
        runroot = "\(directory)/run"
        """,
        "home/.config/containers/policy.json": #"{"default":[{"type":"insecureAcceptAnything"}]}"#,
        "tree/usr/bin/hello": "hello\n",
      ]
      try await Tool.run("mkdir", ["-p", "home/.config/containers", "tree/usr/bin"], in: directory)
      for (name, text) in files { try TestFiles.write(Array(text.utf8), to: directory.appending(name)) }
      environment = [
        "HOME": directory.appending("home").string, "CONTAINERS_CONF": directory.appending("containers.conf").string,
        "CONTAINERS_STORAGE_CONF": directory.appending("storage.conf").string, "BUILDAH_ISOLATION": "chroot",
      ]
      try await Tool.run(
        "tar",
        [
          "--sort=name", "--mtime=@1", "--owner=0", "--group=0", "--numeric-owner", "-C", "tree", "-cf", "layer.tar",
          "usr",
        ],
        in: directory)
    }

    @discardableResult
    func run(_ tool: String, _ arguments: String...) async throws -> String {
      let result = try await Tool.result(of: tool, arguments, in: directory, environment: environment)
      guard result.status == 0 else {
        throw ToolFailure(description: "\(tool) \(arguments): \(result.status): \(result.output)\(result.errors)")
      }
      return result.output
    }

    var layer: [UInt8] { get throws { try TestFiles.read(directory.appending("layer.tar")) } }
  }

  private func withWorkshop(_ body: (Workshop) async throws -> Void) async throws {
    try await withTemporaryDirectory { try await body(try await Workshop($0)) }
  }

  /// Whether podman can unpack layers here, tried with one that is not ours: it changes the root directory for that, which
  /// not every container allows.
  private static func podmanWorks() async throws -> Bool {
    try await works { try await $0.run("podman", "import", "layer.tar", "localhost/probe:1") }
  }

  /// Whether buildah can make an image here, which needs root or user namespaces.
  private static func buildahWorks() async throws -> Bool {
    try await works { shop in
      let container = try await shop.run("buildah", "from", "scratch").trimmingCharacters(in: .newlines)
      return try await shop.run("buildah", "add", container, "layer.tar", "/")
    }
  }

  private static func works(_ attempt: (Workshop) async throws -> String) async throws -> Bool {
    guard Tool.areInstalled("buildah", "podman", "tar") else { return false }
    return try await withTemporaryDirectory { (try? await attempt(try await Workshop($0))) != nil }
  }

  // MARK: Theirs, read by us

  /// Checks one document: bytes, digest, edits, canonical form.
  private func check<Value: ImageDocument>(
    _ bytes: [UInt8], _ type: Value.Type, adding member: [String], _ edit: (inout Value) -> Void
  ) throws {
    let document = try Document<Value>(parsing: bytes)
    #expect(document.bytes == bytes)
    #expect(try document.edited { _ in }.bytes == bytes)
    #expect(try Value(parsing: document.value.canonicalBytes) == document.value)
    #expect(document.value.validate().errors == [])
    let edited = try document.edited(edit)
    #expect(edited.value != document.value)
    // Without the new member, everything is as it was and where it was.
    #expect(try removing(member[...], from: JSON(parsing: edited.bytes)) == pruned(JSON(parsing: bytes), member))
  }

  /// A document without one member, and without the objects around it that are empty then.
  private func removing(_ path: ArraySlice<String>, from json: JSON) -> JSON {
    guard let name = path.first, var object = json.objectValue, let inner = object[name] else { return json }
    let rest = path.count == 1 ? nil : removing(path.dropFirst(), from: inner)
    object[name] = rest == .object(JSON.Object()) ? nil : rest
    return .object(object)
  }

  /// The document without the map that the new member went into, where that was empty or null before.
  private func pruned(_ json: JSON, _ path: [String]) -> JSON {
    guard var object = json.objectValue, let name = path.first else { return json }
    guard let inner = object[name] else { return json }
    if inner == .null || inner == .object(JSON.Object()) {
      object[name] = nil
    } else if path.count > 2 {
      object[name] = pruned(inner, Array(path.dropFirst()))
    }
    return .object(object)
  }

  private func checkManifest(_ bytes: [UInt8]) throws -> ImageManifest {
    try check(bytes, ImageManifest.self, adding: ["annotations", "com.example.new"]) {
      $0.annotations["com.example.new"] = "x"
    }
    return try ImageManifest(parsing: bytes)
  }

  private func checkConfiguration(_ bytes: [UInt8]) throws -> ImageConfiguration {
    try check(bytes, ImageConfiguration.self, adding: ["config", "Labels", "com.example.new"]) {
      $0.runtime.labels["com.example.new"] = "x"
    }
    return try ImageConfiguration(parsing: bytes)
  }

  /// Checks every document of a layout, and the layout; gives the configurations.
  @discardableResult
  private func checkLayout(_ path: FilePath, tag: String) async throws -> [ImageConfiguration] {
    let layout = ImageLayoutStore(path)
    #expect(try await layout.validate().errors == [])
    let root = try #require(try await layout.resolve(tag))
    var configurations: [ImageConfiguration] = []
    var pile = [root]
    while let descriptor = pile.popLast() {
      let bytes = try await layout.fetch(descriptor).collect(upTo: 1 << 24)
      switch descriptor.mediaType {
      case .imageIndex, .dockerManifestList:
        try check(bytes, ImageIndex.self, adding: ["annotations", "com.example.new"]) {
          $0.annotations["com.example.new"] = "x"
        }
        pile += try ImageIndex(parsing: bytes).manifests
      case .imageManifest, .dockerManifest: pile += try checkManifest(bytes).blobs
      case .imageConfiguration, .dockerConfiguration: configurations.append(try checkConfiguration(bytes))
      default: #expect(descriptor.mediaType.layerFormat != nil)
      }
    }
    try check(
      TestFiles.read(path.appending("index.json")), ImageIndex.self, adding: ["annotations", "com.example.new"]
    ) {
      $0.annotations["com.example.new"] = "x"
    }
    let marker = try TestFiles.read(path.appending("oci-layout"))
    #expect(try Document<ImageLayoutMarker>(parsing: marker).value.imageLayoutVersion == "1.0.0")
    // The whole can be copied, and nothing changes.
    let copied = MemoryStore()
    try await copy(root, from: layout, to: copied, tags: ["x"])
    #expect(try await copied.resolve("x") == root)
    return configurations
  }

  private func makeWithBuildah(_ shop: Workshop) async throws -> String {
    let container = try await shop.run("buildah", "from", "scratch").trimmingCharacters(in: .newlines)
    try await shop.run("buildah", "add", container, "layer.tar", "/")
    try await shop.run(
      "buildah", "config", "--env", "A=b", "--env", "C=d e", "--label", "com.example.x=y <&>", "--port", "8080/tcp",
      "--volume", "/data", "--user", "1000:1000", "--workingdir", "/usr", "--entrypoint", #"["/usr/bin/hello"]"#,
      "--cmd", "one two", "--stop-signal", "SIGTERM", "--author", "me", "--history-comment", "note", "--annotation",
      "com.example.a=b", "--shell", "/bin/sh -c", "--healthcheck", "CMD-SHELL true", "--healthcheck-interval", "30s",
      "--onbuild", "RUN true", container)
    return container
  }

  @Test(.enabled("buildah cannot make images here", buildahWorks)) func whatBuildahWritesIsReadWithoutALoss()
    async throws
  {
    try await withWorkshop { shop in
      let container = try await makeWithBuildah(shop)
      try await shop.run("buildah", "commit", "--format", "oci", container, "oci:layout:latest")
      let configuration = try #require(try await checkLayout(shop.directory.appending("layout"), tag: "latest").first)
      #expect(configuration.runtime.environment.contains("C=d e"))
      #expect(configuration.runtime.labels["com.example.x"] == "y <&>")
      #expect(configuration.runtime.exposedPorts == ["8080/tcp"])
      #expect(configuration.runtime.entrypoint == ["/usr/bin/hello"])

      try await shop.run("buildah", "commit", "--format", "docker", container, "dir:docker")
      let docker = shop.directory.appending("docker")
      let manifest = try checkManifest(TestFiles.read(docker.appending("manifest.json")))
      #expect(manifest.mediaType == .dockerManifest)
      let bytes = try TestFiles.read(docker.appending(manifest.config.digest.hex))
      #expect(Digest.of(bytes) == manifest.config.digest)
      let dockers = try checkConfiguration(bytes).runtime
      #expect(dockers.healthCheck?.test == ["CMD-SHELL", "true"])
      #expect(dockers.healthCheck?.interval == .seconds(30))
      #expect(dockers.onBuild == ["RUN true"])
      #expect(dockers.shell == ["/bin/sh", "-c"])
    }
  }

  @Test func whatUmociWritesIsReadWithoutALoss() async throws {
    try await withWorkshop { shop in
      try await shop.run("umoci", "init", "--layout", "layout")
      try await shop.run("umoci", "new", "--image", "layout:new")
      try await shop.run(
        "umoci", "config", "--image", "layout:new", "--tag", "full", "--config.env", "X=1", "--config.label", "a=b",
        "--config.exposedports", "80/tcp", "--config.volume", "/v", "--config.user", "1", "--config.workingdir", "/",
        "--config.entrypoint", "/x", "--config.cmd", "y", "--config.stopsignal", "SIGINT", "--author", "me", "--os",
        "linux",
        "--architecture", "arm64", "--created", "2026-01-31T12:00:00Z", "--manifest.annotation", "k=v",
        "--history.comment",
        "c")
      try await shop.run("umoci", "insert", "--image", "layout:full", "tree/usr", "/usr")
      for tag in ["new", "full"] {
        try await checkLayout(shop.directory.appending("layout"), tag: tag)
      }
      // What umoci left behind on the way is garbage for both of us.
      let layout = ImageLayoutStore(shop.directory.appending("layout"))
      #expect(try await !layout.collectGarbage().blobs.isEmpty)
      #expect(try await layout.validate().filter { $0.code == .unreferenced } == [])
      try await shop.run("umoci", "gc", "--layout", "layout")
      #expect(try await layout.resolve("full") != nil)
      #expect(try await shop.run("umoci", "ls", "--layout", "layout").contains("full"))
    }
  }

  @Test(.enabled("podman cannot unpack layers here", podmanWorks)) func whatPodmanWritesIsReadWithoutALoss()
    async throws
  {
    try await withWorkshop { shop in
      try await shop.run(
        "podman", "import", "--change", "ENV=Z=1", "--change", #"CMD ["a"]"#, "layer.tar", "localhost/imported:1")
      try await shop.run("podman", "save", "--format", "oci-dir", "-o", "saved", "localhost/imported:1")
      let saved = ImageLayoutStore(shop.directory.appending("saved"))
      let name = try #require(try await saved.index()?.manifests.first?.annotations[AnnotationKey.referenceName])
      try await checkLayout(saved.path, tag: name)
      try await shop.run("podman", "manifest", "create", "localhost/list:1")
      for (architecture, variant) in [("arm64", "v8"), ("arm", "v7")] {
        try await shop.run(
          "podman", "manifest", "add", "--arch", architecture, "--variant", variant, "--annotation", "a=b",
          "localhost/list:1", "oci:saved:\(name)")
      }
      try await shop.run("podman", "manifest", "push", "--all", "localhost/list:1", "oci:list:all")
      try await checkLayout(shop.directory.appending("list"), tag: "all")
      let list = ImageLayoutStore(shop.directory.appending("list"))
      let index = try await Document<ImageIndex>(fetching: try #require(try await list.resolve("all")), from: list)
      #expect(index.value.manifest(for: try Platform("linux/arm/v7"))?.platform?.variant == "v7")
    }
  }

  @Test(.enabled("buildah cannot make images here", buildahWorks)) func whatSkopeoConvertsIsReadWithoutALoss()
    async throws
  {
    try await withWorkshop { shop in
      let container = try await makeWithBuildah(shop)
      try await shop.run("buildah", "commit", "--format", "oci", container, "oci:layout:latest")
      try await shop.run("skopeo", "copy", "oci:layout:latest", "oci:compressed:x")
      try await checkLayout(shop.directory.appending("compressed"), tag: "x")
      try await shop.run("skopeo", "copy", "--format", "v2s2", "oci:layout:latest", "dir:docker")
      let docker = shop.directory.appending("docker")
      let manifest = try checkManifest(TestFiles.read(docker.appending("manifest.json")))
      #expect(manifest.mediaType == .dockerManifest)
      _ = try checkConfiguration(TestFiles.read(docker.appending(manifest.config.digest.hex)))
      try await shop.run("skopeo", "copy", "oci:layout:latest", "docker-archive:archive.tar:a/b:c")
      try await shop.run("mkdir", "archive")
      try await shop.run("tar", "-C", "archive", "-xf", "archive.tar")
      let configurations = try TestFiles.names(in: shop.directory.appending("archive")).filter {
        $0.hasSuffix(".json") && $0.count > 60
      }
      #expect(configurations.count == 1)
      for name in configurations {
        let bytes = try TestFiles.read(shop.directory.appending("archive").appending(name))
        #expect(Digest.of(bytes).hex + ".json" == name)
        _ = try checkConfiguration(bytes)
      }
    }
  }

  // MARK: Ours, read by them

  /// A layout with an image for two processors, each with a name, and an index of both.
  private func makeOurs(_ shop: Workshop) async throws -> (
    layout: ImageLayoutStore, manifests: [Descriptor], index: Digest
  ) {
    let layout = ImageLayoutStore(shop.directory.appending("ours"))
    let bytes = try shop.layer
    let layer = Descriptor(mediaType: .layerTar, describing: bytes)
    try await layout.push(layer, from: BlobSource(bytes))
    var manifests: [Descriptor] = []
    for architecture in ["amd64", "arm64"] {
      var runtime = RuntimeConfiguration()
      runtime.environment = ["A=é"]
      runtime.command = ["/usr/bin/hello"]
      runtime.labels = ["com.example.a/b": "\"<&>\\"]
      runtime.healthCheck = HealthCheck(test: ["CMD", "true"], interval: .seconds(30))
      let configuration = try Document(
        ImageConfiguration(
          platform: .init(architecture: architecture), runtime: runtime, diffIDs: [layer.digest],
          // umoci 0.4 breaks on a step without a time.
          history: [.init(created: "1970-01-01T00:00:01Z", createdBy: "test")], created: "1970-01-01T00:00:01Z"))
      try await layout.push(configuration.descriptor, from: BlobSource(configuration.bytes))
      let manifest = try Document(ImageManifest(config: configuration.descriptor, layers: [layer]))
      try await layout.publish(manifest.descriptor, bytes: manifest.bytes, tags: [architecture])
      var entry = manifest.descriptor
      entry.platform = Platform(architecture: architecture)
      manifests.append(entry)
    }
    let index = try Document(ImageIndex(manifests: manifests, annotations: ["a": "b"]))
    try await layout.publish(index.descriptor, bytes: index.bytes, tags: ["all"])
    #expect(try await layout.validate() == [])
    return (layout, manifests, index.digest)
  }

  @Test func whatWeWriteIsReadBySkopeoAndUmoci() async throws {
    try await withWorkshop { shop in
      let (_, manifests, index) = try await makeOurs(shop)
      let inspected = try await shop.run("skopeo", "inspect", "oci:ours:arm64")
      #expect(inspected.contains(manifests[1].digest.description))
      try await shop.run("skopeo", "copy", "--all", "--preserve-digests", "oci:ours:all", "oci:theirs:all")
      let theirs = ImageLayoutStore(shop.directory.appending("theirs"))
      #expect(try await theirs.resolve("all")?.digest == index)
      #expect(try await theirs.validate().errors == [])

      try await shop.run("umoci", "unpack", "--rootless", "--image", "ours:amd64", "bundle")
      #expect(try TestFiles.read(shop.directory.appending("bundle/rootfs/usr/bin/hello")) == Array("hello\n".utf8))
      #expect(try await shop.run("umoci", "stat", "--image", "ours:amd64").contains("test"))
    }
  }

  @Test(.enabled("podman cannot unpack layers here", podmanWorks)) func whatWeWriteIsReadByBuildahAndPodman()
    async throws
  {
    try await withWorkshop { shop in
      let (_, manifests, _) = try await makeOurs(shop)
      for tool in ["buildah", "podman"] {
        let id = try await shop.run(tool, "pull", "oci:ours:amd64").split(separator: "\n").last.map(String.init) ?? ""
        let json = try await shop.run(tool, "inspect", "--type", "image", id)
        #expect(json.contains(manifests[0].digest.description), "\(tool)")
        #expect(json.contains("A=é"), "\(tool)")
      }
    }
  }
}
