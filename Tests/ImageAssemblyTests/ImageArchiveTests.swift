import Foundation
import ImageAssembly
import OCICore
import OCITesting
import SystemPackage
import Testing

/// OCI archives: read in place, written whole.
struct ImageArchiveTests {
  private func withImage(_ body: (FilePath, SampleImage, MemoryStore) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 1, layerSizes: [1000, 2 << 20])
      let store = MemoryStore()
      try await image.push(to: store, tags: ["t"])
      try await body(directory, image, store)
    }
  }

  private func bytes(_ path: FilePath) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path.string)) }

  @Test func anImageGoesInAndOutAndTheBytesAreAlwaysTheSame() async throws {
    try await withImage { directory, image, store in
      let (first, second) = (directory.appending("a.tar"), directory.appending("b.tar"))
      let options = CopyOptions(concurrency: 1)
      for path in [first, second] {
        try await copy(image.manifest, from: store, to: ImageArchive(path), tags: ["1", "2"], options: options)
      }
      #expect(try bytes(first) == bytes(second))
      let back = MemoryStore()
      let archive = ImageArchive(first)
      let root = try #require(try await archive.resolve("2"))
      try await copy(root, from: archive, to: back, tags: ["x"])
      #expect(back.digests == store.digests)
      // Named already: nothing is done, and the file stays.
      let before = try FileManager.default.attributesOfItem(atPath: first.string)[.systemFileNumber] as? Int
      let report = try await copy(image.manifest, from: store, to: ImageArchive(first), tags: ["1"])
      #expect(report.copied.isEmpty)
      #expect(try FileManager.default.attributesOfItem(atPath: first.string)[.systemFileNumber] as? Int == before)
    }
  }

  @Test func aFailedCopyLeavesTheOldArchiveAndNothingElse() async throws {
    struct Broken: ContentStore {
      struct Failure: Error {}
      let store: MemoryStore
      let broken: Digest
      func exists(_ descriptor: Descriptor) async throws -> Bool { try await store.exists(descriptor) }
      func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
        if descriptor.digest == broken { throw Failure() }
        return try await store.fetch(descriptor)
      }
      func push(_ descriptor: Descriptor, from source: BlobSource) async throws { throw Failure() }
    }
    try await withImage { directory, image, store in
      let path = directory.appending("a.tar")
      try await copy(image.manifest, from: store, to: ImageArchive(path), tags: ["1"])
      let old = try bytes(path)
      let other = SampleImage(seed: 2)
      try await other.push(to: store, tags: [])
      await #expect(throws: Broken.Failure.self) {
        try await copy(
          other.manifest, from: Broken(store: store, broken: other.blobs[1].descriptor.digest), to: ImageArchive(path),
          tags: ["1"])
      }
      #expect(try bytes(path) == old)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.string) == ["a.tar"])
    }
  }

  @Test func anImageKeepsTheTagsItHadInTheArchive() async throws {
    try await withImage { directory, image, store in
      let path = directory.appending("a.tar")
      for tags in [["1"], ["1", "2"], ["3"]] {
        try await copy(image.manifest, from: store, to: ImageArchive(path), tags: tags)
      }
      for tag in ["1", "2", "3"] {
        let named = try await ImageArchive(path).resolve(tag)
        #expect(named?.digest == image.manifest.digest)
      }
    }
  }

  @Test func referrersAreKept() async throws {
    try await withImage { directory, image, store in
      try await store.push(.empty, from: BlobSource(Array("{}".utf8)))
      let signature = ImageManifest(
        artifactType: .octetStream, config: .empty, layers: [.empty], subject: image.manifest)
      let bytes = signature.canonicalBytes
      let descriptor = Descriptor(mediaType: .imageManifest, describing: bytes)
      try await store.publish(descriptor, bytes: bytes, tags: [])
      let archive = ImageArchive(directory.appending("a.tar"))
      try await copy(
        image.manifest, from: store, to: archive, tags: ["1"], options: CopyOptions(concurrency: 1, referrers: store))
      let reader = ImageArchive(archive.path)
      #expect(try await reader.resolve("1")?.digest == image.manifest.digest)
      #expect(try await reader.referrers(of: image.manifest, artifactType: nil).map(\.digest) == [descriptor.digest])
    }
  }

  @Test(.enabled(if: Tool.areInstalled("skopeo", "tar"))) func skopeoAndTarReadOursAndWeReadTheirs() async throws {
    try await withImage { directory, image, store in
      let archive = ImageArchive(directory.appending("a.tar"))
      try await copy(image.manifest, from: store, to: archive, tags: ["1"])
      let listed = try await Tool.run("tar", ["tf", "a.tar"], in: directory)
      #expect(listed.contains("index.json") && listed.contains("blobs/sha256/\(image.manifest.digest.encoded)"))
      try await Tool.run(
        "skopeo", ["--insecure-policy", "copy", "--preserve-digests", "oci-archive:a.tar:1", "oci-archive:b.tar:2"],
        in: directory)
      let theirs = ImageArchive(directory.appending("b.tar"))
      #expect(try await theirs.resolve("2")?.digest == image.manifest.digest)
      for blob in image.blobs {
        #expect(try await theirs.fetch(blob.descriptor).collect(upTo: 3 << 20) == blob.bytes)
      }
      // Of GNU tar, with `./` before the names.
      try await Tool.run("sh", ["-c", "mkdir x && tar xf b.tar -C x && tar cf c.tar -C x ."], in: directory)
      #expect(try await ImageArchive(directory.appending("c.tar")).resolve("2")?.digest == image.manifest.digest)
    }
  }

  @Test func whatIsNoArchiveIsSaid() async throws {
    try await withImage { directory, image, store in
      let path = directory.appending("a.tar")
      try await copy(image.manifest, from: store, to: ImageArchive(path), tags: ["1"])
      let whole = try bytes(path)
      func code(_ content: Data) async throws -> String {
        try content.write(to: URL(fileURLWithPath: path.string))
        do {
          _ = try await ImageArchive(path).resolve("1")
          return "none"
        } catch let error as OCIError { return error.message }
      }
      #expect(try await code(Data([0x1f, 0x8b] + [UInt8](repeating: 0, count: 2000))).contains("gzip"))
      #expect(try await code(Data([0x28, 0xb5, 0x2f, 0xfd] + [UInt8](repeating: 0, count: 2000))).contains("zstd"))
      #expect(try await code(Data([UInt8](repeating: 65, count: 2000))).contains("no tar"))
      #expect(try await code(whole.prefix(whole.count / 2)).contains("damaged"))
      var flipped = whole
      flipped[120] ^= 1
      #expect(try await code(flipped) != "none")
      // Wherever it is cut, it is an error or the image is whole; never a crash.
      for length in stride(from: 0, to: 4096, by: 37) { _ = try await code(whole.prefix(length)) }
    }
  }
}
