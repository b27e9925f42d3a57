import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

/// One image in a directory, file by file what skopeo's `dir:` is.
struct ImageDirectoryTests {
  private func entries(_ path: FilePath) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path.string).sorted()
  }

  private func names(_ image: SampleImage) -> [String] {
    (image.blobs.map(\.descriptor.digest.hex) + ["manifest.json", "version"]).sorted()
  }

  private func code(_ operation: () async throws -> Void) async -> OCIError? {
    do { try await operation() } catch { return error as? OCIError }
    return nil
  }

  /// Two images in one index, in a layout.
  private func index(in layout: ImageLayoutStore) async throws -> Descriptor {
    let images = [SampleImage(seed: 1), SampleImage(seed: 2)]
    for image in images { try await image.push(to: layout, tags: []) }
    let bytes = ImageIndex(
      manifests: zip(images, ["amd64", "arm64"]).map { image, architecture in
        var descriptor = image.manifest
        descriptor.platform = Platform(architecture: architecture)
        return descriptor
      }
    ).canonicalBytes
    let root = Descriptor(mediaType: .imageIndex, describing: bytes)
    try await layout.publish(root, bytes: bytes, tags: ["multi"])
    return root
  }

  @Test func itIsAContentStore() async throws {
    try await withTemporaryDirectory { directory in
      try await ContentStoreConformance.check(ImageDirectory(directory.appending("a/b/image")))
    }
  }

  @Test func theImageIsTheFilesOfSkopeoUnderEveryTag() async throws {
    try await withTemporaryDirectory { directory in
      let (path, image) = (directory.appending("image"), SampleImage(seed: 1))
      let store = ImageDirectory(path)
      #expect(try await store.image() == nil)
      try await image.push(to: store, tags: [])
      #expect(try entries(path) == names(image))
      #expect(try TestFiles.read(path.appending("version")) == Array("Directory Transport Version: 1.1\n".utf8))
      #expect(try TestFiles.read(path.appending("manifest.json")) == image.manifestBytes)
      for blob in image.blobs {
        #expect(try TestFiles.read(path.appending(blob.descriptor.digest.hex)) == blob.bytes)
      }
      #expect(try await store.image() == image.manifest)
      #expect(try await store.resolve("any") == image.manifest)
      #expect(try await store.exists(image.manifest))
    }
  }

  @Test func anotherImageReplacesItAndLeavesNothingStale() async throws {
    try await withTemporaryDirectory { directory in
      let layout = ImageLayoutStore(directory.appending("layout"))
      let root = try await index(in: layout)
      let path = directory.appending("image")
      try await copy(root, from: layout, to: ImageDirectory(path), tags: [])
      #expect(try entries(path).count { $0.hasSuffix(".manifest.json") } == 2)
      #expect(try await ImageDirectory(path).image() == root)
      for name in ["signature-1", ".flywheel-x.tmp", "README"] { try TestFiles.write([1], to: path.appending(name)) }
      let image = SampleImage(seed: 2)
      try await copy(image.manifest, from: layout, to: ImageDirectory(path), tags: ["other"])
      // What is no part of an image is its owner's.
      #expect(try entries(path).filter { $0 != "README" } == names(image))
      // Back from the directory, with everything.
      try await copy(root, from: layout, to: ImageDirectory(path), tags: [])
      let back = ImageLayoutStore(directory.appending("back"))
      try await copy(root, from: ImageDirectory(path), to: back, tags: ["1"])
      #expect(try await back.validate().errors == [])
    }
  }

  @Test func aFailedPushLeavesTheOldImageAlone() async throws {
    try await withTemporaryDirectory { directory in
      let (path, image) = (directory.appending("image"), SampleImage(seed: 1))
      let broken = MemoryStore()
      let next = SampleImage(seed: 2)
      try await broken.push(next.blobs[0].descriptor, from: BlobSource(next.blobs[0].bytes))
      try await broken.push(next.manifest, from: BlobSource(next.manifestBytes))
      #expect(
        await code { try await copy(next.manifest, from: broken, to: ImageDirectory(path), tags: []) }?.code
          == .notFound)
      #expect(!FileManager.default.fileExists(atPath: path.string))
      try await image.push(to: ImageDirectory(path), tags: [])
      #expect(
        await code { try await copy(next.manifest, from: broken, to: ImageDirectory(path), tags: []) }?.code
          == .notFound)
      #expect(try entries(path) == names(image))
      #expect(try await ImageDirectory(path).resolve("") == image.manifest)
    }
  }

  @Test func aDirectoryOfSomethingElseIsRefusedAndNotTouched() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 1)
      for (name, text) in [("notes", "x"), ("version", "2")] {
        let path = directory.appending("foreign-\(name)")
        _ = try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
        try TestFiles.write(Array(text.utf8), to: path.appending(name))
        let store = ImageDirectory(path)
        let error = await code { try await image.push(to: store.writer(), tags: []) }
        #expect(error?.code == .ioFailure)
        #expect(error?.message.contains(path.string) == true)
        #expect(await code { _ = try await store.image() }?.code == .invalidDocument)
        await store.rollBack()
        #expect(try entries(path) == [name])
      }
    }
  }

  @Test func aMissingBlobIsNamedAndADamagedOneRefused() async throws {
    try await withTemporaryDirectory { directory in
      let (path, image) = (directory.appending("image"), SampleImage(seed: 1))
      try await image.push(to: ImageDirectory(path), tags: [])
      let layer = image.blobs[1]
      let file = path.appending(layer.descriptor.digest.hex)
      try TestFiles.write(layer.bytes.map { $0 ^ 1 }, to: file)
      let error = await code {
        try await copy(image.manifest, from: ImageDirectory(path), to: MemoryStore(), tags: ["a"])
      }
      #expect(error?.code == .digestMismatch)
      try FileManager.default.removeItem(atPath: file.string)
      let missing = await code {
        try await copy(image.manifest, from: ImageDirectory(path), to: MemoryStore(), tags: ["a"])
      }
      #expect(missing?.code == .notFound)
      #expect(missing?.message.contains(layer.descriptor.digest.description) == true)
      #expect(try await ImageDirectory(path).resolve("a") == nil)
      // The next push mends it.
      try await image.push(to: ImageDirectory(path), tags: [])
      #expect(try await ImageDirectory(path).resolve("a") == image.manifest)
    }
  }

  @Test func linksToFilesAreFollowedWhenReadAndReplacedWhenWritten() async throws {
    try await withTemporaryDirectory { directory in
      let (path, image) = (directory.appending("image"), SampleImage(seed: 1))
      try await image.push(to: ImageDirectory(path), tags: [])
      try await Tool.run(
        "sh", ["-c", "mkdir links && for f in image/*; do ln -s ../$f links/; done"], in: directory)
      let links = directory.appending("links")
      let target = ImageLayoutStore(directory.appending("layout"))
      #expect(try await ImageDirectory(links).image() == image.manifest)
      try await copy(image.manifest, from: ImageDirectory(links), to: target, tags: ["1"])
      #expect(try await target.validate().errors == [])
      try await copy(image.manifest, from: target, to: ImageDirectory(links), tags: [])
      let difference = try await TreeSnapshot(of: links).difference(from: TreeSnapshot(of: path))
      #expect(difference == [])
    }
  }

  @Test func whatIsAboutTheImageHasNoPlace() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 1)
      let store = ImageDirectory(directory.appending("image"))
      try await image.push(to: store, tags: [])
      try await store.push(.empty, from: BlobSource(Array("{}".utf8)))
      let bytes = ImageManifest(
        artifactType: .octetStream, config: .empty, layers: [.empty], subject: image.manifest
      ).canonicalBytes
      let error = await code {
        try await store.publish(Descriptor(mediaType: .imageManifest, describing: bytes), bytes: bytes, tags: [])
      }
      #expect(error?.code == .invalidDocument)
      #expect(try await store.image() == image.manifest)
    }
  }

  @Test func aDigestThatCannotBeComputedNamesNoFile() async throws {
    try await withTemporaryDirectory { directory in
      try await SampleImage(seed: 1).push(to: ImageDirectory(directory.appending("image")), tags: [])
      let store = ImageDirectory(directory.appending("image"))
      let named = Descriptor(mediaType: .layerTar, digest: try Digest("x:version"), size: 33)
      #expect(await code { _ = try await store.exists(named) }?.code == .unsupportedAlgorithm)
    }
  }

  @Test(arguments: [MediaType.dockerManifest, .imageManifest], [true, false])
  func theManifestSaysWhatItIs(type: MediaType, saysIt: Bool) async throws {
    guard saysIt || type == .imageManifest else { return }
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 1)
      let path = directory.appending("image")
      try await image.push(to: ImageDirectory(path), tags: [])
      var object = try #require(try JSON(parsing: image.manifestBytes).objectValue)
      object["mediaType"] = saysIt ? .string(type.text) : nil
      try TestFiles.write(JSON.object(object).canonicalBytes, to: path.appending("manifest.json"))
      #expect(try await ImageDirectory(path).image()?.mediaType == type)
    }
  }

  // MARK: skopeo

  @Test(.enabled(if: Tool.areInstalled("skopeo", "docker-registry")))
  func oursAndThoseOfSkopeoAreTheSameToTheByte() async throws {
    try await withTemporaryDirectory { directory in
      let layout = ImageLayoutStore(directory.appending("layout"))
      let root = try await index(in: layout)
      let image = SampleImage(seed: 1)
      let unsafe = ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false"]
      func skopeo(_ arguments: String...) async throws {
        try await Tool.run("skopeo", unsafe + arguments, in: directory)
      }
      func differences(_ ours: String, _ theirs: String) async throws -> [String] {
        try await TreeSnapshot(of: directory.appending(ours)).difference(
          from: TreeSnapshot(of: directory.appending(theirs)))
      }
      try await withDockerRegistry { host in
        try await skopeo("--all", "--preserve-digests", "oci:layout:multi", "docker://\(host)/app:multi")
        try await skopeo("--override-arch=amd64", "docker://\(host)/app:multi", "dir:theirs")
        try await skopeo("--all", "docker://\(host)/app:multi", "dir:all-theirs")
      }
      try await copy(image.manifest, from: layout, to: ImageDirectory(directory.appending("ours")), tags: [])
      let found = try await differences("ours", "theirs")
      #expect(found == [])
      try await copy(root, from: layout, to: ImageDirectory(directory.appending("all-ours")), tags: [])
      #expect(try await differences("all-ours", "all-theirs") == [])
      // Over each other's, too.
      try await copy(root, from: layout, to: ImageDirectory(directory.appending("theirs")), tags: [])
      #expect(try await differences("theirs", "all-ours") == [])
      try await skopeo("oci:layout:multi", "--override-arch=amd64", "dir:all-ours")
      #expect(try await differences("all-ours", "ours") == [])
      let digest = try await Tool.run(
        "skopeo", ["inspect", "--format", "{{.Digest}}", "dir:ours"], in: directory)
      #expect(digest == "\(image.manifest.digest)\n")
      // And back into something else.
      let back = ImageLayoutStore(directory.appending("back"))
      try await copy(image.manifest, from: ImageDirectory(directory.appending("all-ours")), to: back, tags: ["1"])
      #expect(try await back.validate().errors == [])
    }
  }
}
