import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// Images go from any store to a registry and back, and an unchanged one costs no more than a question a tag.
struct RegistryCopyTests {
  /// Two images under an index, under an index, with a layer that both have.
  private func nestedIndex(in store: MemoryStore) async throws -> Descriptor {
    var entries: [Descriptor] = []
    for seed in [1, 2] as [UInt64] {
      let image = SampleImage(seed: seed)
      try await image.push(to: store, tags: [])
      var entry = image.manifest
      entry.platform = Platform(architecture: seed == 1 ? "amd64" : "arm64")
      entries.append(entry)
    }
    var root = entries[0]
    for manifests in [entries, [entries[0]]] {
      let document = try Document(ImageIndex(manifests: manifests + (root.mediaType.isIndex ? [root] : [])))
      root = document.descriptor
      try await store.push(root, from: BlobSource(document.bytes))
    }
    return root
  }

  private struct Unreadable: ContentStore {
    struct Failure: Error {}
    func exists(_ descriptor: Descriptor) async throws -> Bool { throw Failure() }
    func fetch(_ descriptor: Descriptor) async throws -> ByteStream { throw Failure() }
    func push(_ descriptor: Descriptor, from source: BlobSource) async throws { throw Failure() }
  }

  @Test func anImageGoesToARegistryAndBack() async throws {
    try await withTestRegistry { registry in
      let (source, back) = (MemoryStore(), MemoryStore())
      let root = try await nestedIndex(in: source)
      let repository = try registry.repository()
      let report = try await copy(root, from: source, to: repository, tags: ["a", "b"])
      #expect(Set(report.copied.map(\.digest)) == Set(source.digests))
      #expect(try await repository.resolve("a")?.digest == root.digest)
      #expect(try await repository.resolve("b")?.digest == root.digest)
      // The last one sets both tags.
      #expect(registry.count("PUT", "manifests/") == 4)
      try await copy(root, from: repository, to: back, tags: ["c"])
      #expect(back.digests == source.digests)
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func anUnchangedImageCostsAQuestionATagAndNothingIsRead() async throws {
    try await withTestRegistry { registry in
      let source = MemoryStore()
      let root = try await nestedIndex(in: source)
      let repository = try registry.repository()
      try await copy(root, from: source, to: repository, tags: ["a", "b"])
      let before = registry.server.requests.count
      let report = try await copy(root, from: Unreadable(), to: repository, tags: ["a", "b"])
      #expect(report.copied == [])
      let requests = registry.server.requests.dropFirst(before)
      #expect(requests.map(\.method) == ["HEAD", "HEAD"])
      // A new tag of what is there: one question about it, one about the manifest, one request to set it.
      try await copy(root, from: source, to: repository, tags: ["c"])
      #expect(registry.server.requests.dropFirst(before + 2).map(\.method) == ["HEAD", "HEAD", "PUT"])
    }
  }

  @Test(.enabled(if: Tool.areInstalled("docker-registry"))) func dockersRegistryTakesNestedIndexes() async throws {
    try await withDockerRegistry { host in
      try await withTestRegistry { own in
        let (source, back) = (MemoryStore(), MemoryStore())
        let root = try await nestedIndex(in: source)
        let foreign = try own.client.repository(host: host, name: "team/app")
        try await copy(root, from: source, to: foreign, tags: ["a"])
        // From registry to registry to memory.
        try await copy(root, from: foreign, to: own.repository(), tags: ["a"])
        try await copy(root, from: own.repository(), to: back, tags: ["a"])
        #expect(back.digests == source.digests)
      }
    }
  }
}
