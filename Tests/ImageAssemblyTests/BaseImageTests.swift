import Foundation
import ImageAssembly
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

/// Base images: their layers stay where they are, and their configuration is inherited.
struct BaseImageTests {
  static func base(_ version: String = "1", layers: Int = 2) async throws -> AssembledImage {
    var settings = ImageSettings(platform: Platform(architecture: "amd64"))
    settings.runtime.environment = ["PATH=/usr/bin", "VERSION=\(version)"]
    settings.runtime.entrypoint = ["/entry"]
    settings.runtime.command = ["start"]
    settings.runtime.exposedPorts = ["80/tcp"]
    settings.runtime.labels = ["base": version]
    return try await ImageRecipe(
      layers: (0..<layers).map { index in
        LayerContent(
          LayerRecipe([], entries: [.init(FilePath("/base-\(index)"), .file(Array("\(version) \(index)".utf8)))]))
      }, settings: settings
    ).assemble()
  }

  private func derived(_ base: BaseImage) async throws -> AssembledImage {
    var settings = ImageSettings()
    settings.runtime.environment = ["OWN=1"]
    settings.runtime.command = ["serve"]
    let recipe = LayerRecipe([], entries: [.init("/own", .file([1]), mode: 0o755)])
    return try await ImageRecipe(layers: [LayerContent(recipe)], base: base, settings: settings).assemble()
  }

  private func load(_ image: AssembledImage, _ store: some ContentStore) async throws -> BaseImage {
    try await BaseImage(image.descriptor, in: store, name: "docker://host/base:1")
  }

  @Test func theBaseIsBelowAndItsConfigurationIsInherited() async throws {
    let store = MemoryStore()
    let bottom = try await Self.base()
    try await bottom.push(to: store, tags: ["base"])
    let image = try await derived(load(bottom, store))
    #expect(image.manifest.layers.prefix(2) == bottom.manifest.layers[...])
    #expect(image.configuration.diffIDs.prefix(2) == bottom.configuration.diffIDs[...])
    let runtime = image.configuration.runtime
    #expect(runtime.environment == ["PATH=/usr/bin", "VERSION=1", "OWN=1"])
    #expect(runtime.entrypoint == ["/entry"] && runtime.command == ["serve"] && runtime.exposedPorts == ["80/tcp"])
    #expect(image.configuration.history.count == 3)
    #expect(image.manifest.annotations[AnnotationKey.baseName] == "host/base:1")
    #expect(image.manifest.annotations[AnnotationKey.baseDigest] == bottom.descriptor.digest.description)
    let destination = MemoryStore()
    try await image.push(to: destination, tags: ["a"])
    #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: destination) == [])
  }

  @Test func layersOfTheBaseAreMountedAndNeverDownloaded() async throws {
    try await withTestRegistry { registry in
      let bottom = try await Self.base()
      try await bottom.push(to: registry.repository("library/base"), tags: ["1"])
      let base = try await load(bottom, registry.repository("library/base"))
      let image = try await derived(base)
      let before = registry.server.requests.count
      let report = try await image.push(to: registry.repository("team/app"), tags: ["1"])
      let requests = registry.server.requests.dropFirst(before)
      #expect(!requests.contains { $0.method == "GET" && $0.path.contains("/blobs/") })
      #expect(report.copiedBlobs.count == 2)
    }
  }

  @Test func layersOfTheBaseAreStreamedToAnotherRegistry() async throws {
    let bottom = try await Self.base()
    try await withTestRegistry { source in
      try await bottom.push(to: source.repository("base"), tags: ["1"])
      let image = try await derived(load(bottom, source.repository("base")))
      try await withTestRegistry { destination in
        let report = try await image.push(to: destination.repository(), tags: ["1"])
        #expect(report.copiedBlobs.count == 4)
        // Again, on a machine that has the description alone: the base's registry is not asked.
        let text = try image.description(in: "").prettyText
        let read = try AssembledImage(
          description: Array(text.utf8), name: "image", in: "", base: { _, _ in throw CancellationError() })
        let again = try await read.push(to: destination.repository(), tags: ["1"])
        #expect(again.copiedBlobs == [])
      }
      // A new destination has the base's layers fetched by its name and digest.
      let text = try image.description(in: "").prettyText
      let repository = try source.repository("base")
      let read = try AssembledImage(
        description: Array(text.utf8), name: "image", in: "",
        base: { name, digest in
          #expect(name == "docker://host/base:1" && digest == bottom.descriptor.digest)
          return repository
        })
      let store = MemoryStore()
      try await read.push(to: store, tags: [])
      #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: store) == [])
    }
  }

  @Test func aBaseOfDockersFormIsListedInTheSpecsTypes() async throws {
    let store = MemoryStore()
    let bottom = try await Self.base()
    try await bottom.push(to: store, tags: [])
    var manifest = bottom.manifest
    manifest.mediaType = .dockerManifest
    manifest.config.mediaType = .dockerConfiguration
    for index in manifest.layers.indices { manifest.layers[index].mediaType = .dockerLayerTarGzip }
    let bytes = manifest.canonicalBytes
    let root = Descriptor(mediaType: .dockerManifest, describing: bytes)
    try await store.publish(root, bytes: bytes, tags: ["docker"])
    let image = try await derived(BaseImage(root, in: store, name: "docker://host/base:1"))
    #expect(image.manifest.layers.map(\.mediaType) == Array(repeating: .layerTarGzip, count: 3))
    #expect(image.manifest.layers.map(\.digest).dropLast() == bottom.manifest.layers.map(\.digest)[...])
    let destination = MemoryStore()
    try await image.push(to: destination, tags: ["a"])
    #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: destination) == [])
  }

  @Test func theImageOfAnIndexIsChosenByPlatform() async throws {
    let store = MemoryStore()
    var images: [AssembledImage] = []
    for architecture in ["amd64", "arm64"] {
      let layer = LayerContent(LayerRecipe([], entries: [.init("/a", .file(Array(architecture.utf8)))]))
      images.append(
        try await ImageRecipe(layers: [layer], settings: .init(platform: Platform(architecture: architecture)))
          .assemble())
    }
    let index = try AssembledIndex(images)
    try await copy(index.descriptor, from: index.content(), to: store, tags: ["i"])
    func platform(_ wanted: Platform?) async throws -> String {
      "\(try await BaseImage(index.descriptor, in: store, name: "i", platform: wanted).configuration.platform)"
    }
    #expect(try await platform(nil) == "linux/amd64")
    #expect(try await platform(Platform("linux/arm64")) == "linux/arm64")
    let error = await #expect(throws: OCIError.self) { try await platform(Platform("linux/s390x")) }
    #expect(error?.message.contains("it has linux/amd64, linux/arm64") == true)
    await #expect(throws: OCIError.self) {
      try await BaseImage(images[0].descriptor, in: store, name: "i", platform: Platform("linux/arm64"))
    }
  }

  // MARK: Rebase

  @Test func aRebasedImageKeepsItsOwnLayersAndWhatItSaysItself() async throws {
    let store = MemoryStore()
    let (old, new) = (try await Self.base(), try await Self.base("2", layers: 3))
    for image in [old, new] { try await image.push(to: store, tags: []) }
    let image = try await derived(load(old, store))
    try await image.push(to: store, tags: ["app"])
    let rebased = try await RebasedImage(
      image.descriptor, in: store, from: load(old, store), onto: load(new, store))
    #expect(rebased.manifest.layers == new.manifest.layers + [image.layers[0].descriptor])
    let fresh = try await derived(load(new, store))
    #expect(rebased.configuration == fresh.configuration)
    #expect(rebased.descriptor.digest == fresh.descriptor.digest)
    #expect(rebased.configuration.runtime.environment == ["PATH=/usr/bin", "VERSION=2", "OWN=1"])
    let destination = MemoryStore()
    try await copy(rebased.descriptor, from: rebased.content(), to: destination, tags: ["app"])
    #expect(try await ImageSpecCheck.violations(of: rebased.descriptor, in: destination) == [])
    // It does not lie on what it does not lie on.
    await #expect(throws: AssemblyError.self) {
      try await RebasedImage(image.descriptor, in: store, from: load(new, store), onto: load(old, store))
    }
  }

  @Test func theLockFileIsReadBackAndMistakesAreNamed() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("flywheel.lock")
      #expect(try BaseLock(file: path).digests == [:])
      let lock = BaseLock(digests: ["docker://b": .of([1]), "docker://a": .of([2])])
      try lock.write(to: path)
      #expect(try BaseLock(file: path) == lock)
      try FileSystem.replace(path, with: Array(#"{"version":1,"bases":{"docker://a":"sha256:x"}}"#.utf8))
      let error = #expect(throws: AssemblyError.self) { try BaseLock(file: path) }
      #expect(error?.message.contains("docker://a") == true)
    }
  }
}
