import OCICore
import OCITesting
import Registry
import Testing

/// Every row of the table of registries, imitated by our own server: an image gets there, and nothing stays open.
struct ProfileTests {
  static let names = RegistryProfile.table.map(\.name) + ["generic"]

  /// A client that treats the test registry as that row's, where a host and no answer tells what it is.
  private func configuration(_ name: String, events: Recorder<RegistryEvent>? = nil) -> RegistryConfiguration {
    var configuration = RegistryConfiguration()
    configuration.onEvent = { events?.append($0) }
    if var row = RegistryProfile.table.first(where: { $0.name == name }),
      row.signs.contains(where: { if case .host = $0 { true } else { false } })
    {
      row.signs = [.host("127.0.0.1")]
      configuration.profiles = [row]
    }
    return configuration
  }

  @Test(arguments: names) func anImageIsPushedPulledAndPushedAgain(name: String) async throws {
    let manners = try #require(RegistryManners.imitating(name))
    try await withTestRegistry(manners: manners, configuration: configuration(name)) { registry in
      let source = MemoryStore()
      let image = SampleImage(seed: 1, layerSizes: [1000, 300_000, 5 << 20])
      try await image.push(to: source, tags: [])
      let repository = try registry.repository()
      try await copy(image.manifest, from: source, to: repository, tags: ["1", "latest"])
      let again = try await copy(image.manifest, from: source, to: repository, tags: ["1", "latest"])
      #expect(again.copied.isEmpty && again.unchangedTags == ["1", "latest"])
      let back = MemoryStore()
      try await copy(image.manifest, from: repository, to: back, tags: ["1"])
      #expect(back.digests == source.digests)
      // The same blobs in another repository: linked where that is possible, and sent where it is not.
      let other = try registry.repository("team/other")
      let second = try await copy(image.manifest, from: source, to: other, tags: ["1"])
      #expect(try await other.resolve("1")?.digest == image.manifest.digest)
      if manners.mount == .obey { #expect(second.copiedBlobs.isEmpty) }
      #expect(registry.server.openUploads == 0)
      #expect(registry.server.requests.allSatisfy { $0.status < 500 })
    }
  }

  @Test(arguments: names) func aBrokenConnectionLosesNothing(name: String) async throws {
    let manners = try #require(RegistryManners.imitating(name))
    var configuration = configuration(name)
    configuration.maximumAttempts = 8
    try await withTestRegistry(manners: manners, configuration: configuration) { registry in
      let count = Recorder<Void>()
      registry.server.faults.decide = { method, path in
        guard ["PUT", "PATCH"].contains(method), path.contains("/uploads/") else { return nil }
        count.append(())
        return count.values.count < 4 ? .upload(.dropAfter(bytes: 700_001)) : nil
      }
      var generator = SeededGenerator(seed: 3)
      let bytes = generator.bytes(6 << 20)
      let blob = Descriptor(mediaType: .layerTar, describing: bytes)
      try await registry.repository().push(blob, from: BlobSource(bytes))
      #expect(try await registry.repository().fetch(blob).collect(upTo: bytes.count) == bytes)
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test(arguments: names) func contentOfUnknownDigestIsNamedAtItsEnd(name: String) async throws {
    var generator = SeededGenerator(seed: 4)
    let bytes = generator.bytes(3 << 20)
    let manners = try #require(RegistryManners.imitating(name))
    try await withTestRegistry(manners: manners, configuration: configuration(name)) { registry in
      let source = BlobSource { ByteStream(bytes) }
      let descriptor = try await registry.repository().push(.layerTar, producing: source)
      #expect(descriptor == Descriptor(mediaType: .layerTar, describing: bytes))
      #expect(try await registry.repository().exists(descriptor))
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func aRegistryIsRecognisedByWhatItAnswers() async throws {
    for name in ["GitLab", "Quay", "Artifactory", "Nexus", "Gitea", "Cloudflare", "zot", "distribution", "Flywheel"] {
      let manners = try #require(RegistryManners.imitating(name))
      try await withTestRegistry(manners: manners) { registry in
        let bytes = [UInt8](repeating: 1, count: 100_000)
        try await registry.repository().push(
          Descriptor(mediaType: .layerTar, describing: bytes), from: BlobSource(bytes))
        #expect(try registry.client.profile(of: registry.server.address).name == name)
      }
    }
    let client = RegistryClient()
    for (host, name) in [
      ("ghcr.io", "GitHub Container Registry"), ("registry.gitlab.com", "GitLab"), ("docker.io", "Docker Hub"),
      ("123.dkr.ecr.eu-west-1.amazonaws.com", "Amazon ECR"), ("europe-docker.pkg.dev", "Google Artifact Registry"),
      ("team.azurecr.io", "Azure Container Registry"), ("quay.io", "Quay"), ("r.example.com", "generic"),
      ("notquay.io.example", "generic"), ("xquay.io", "generic"),
    ] {
      #expect(try client.profile(of: host).name == name)
    }
    try await client.shutdown()
  }

  /// Also of a registry that its row gives another limit, which the next answer must not bring back.
  @Test(arguments: [[:], ["Server": "cloudflare"]]) func aLimitOfTheRequestIsLearnt(headers: [String: String])
    async throws
  {
    var manners = RegistryManners()
    manners.headers = headers
    manners.requestLimit = 3 << 20
    let events = Recorder<RegistryEvent>()
    var configuration = RegistryConfiguration()
    configuration.onEvent = { events.append($0) }
    try await withTestRegistry(manners: manners, configuration: configuration) { registry in
      for seed in [1, 2] as [UInt64] {
        var generator = SeededGenerator(seed: seed)
        let bytes = generator.bytes(9 << 20)
        let blob = Descriptor(mediaType: .layerTar, describing: bytes)
        let before = registry.server.requests.count
        try await registry.repository().push(blob, from: BlobSource(bytes))
        #expect(try await registry.repository().exists(blob))
        // The second blob is not tried in one piece any more.
        let refused = registry.server.requests.dropFirst(before).count { $0.status == 413 }
        #expect(refused == (seed == 1 ? 1 : 0))
      }
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func manyUploadsAtOnceLearnTheLimitOfARegistryThatAnnouncesMore() async throws {
    var manners = RegistryManners()
    manners.headers = [:]
    manners.requestLimit = 1 << 20
    manners.announcedChunk = (2 << 20, nil)
    try await withTestRegistry(manners: manners) { registry in
      let repository = try registry.repository()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for seed in 1...4 as ClosedRange<UInt8> {
          group.addTask {
            let bytes = [UInt8](repeating: seed, count: 5 << 20)
            let blob = Descriptor(mediaType: .layerTar, describing: bytes)
            try await repository.push(blob, from: BlobSource(bytes))
          }
        }
        try await group.waitForAll()
      }
      #expect(registry.server.requests.count < 120 && registry.server.openUploads == 0)
    }
  }

  @Test func aLimitIsLearntFromContentOfUnknownSizeToo() async throws {
    var manners = RegistryManners()
    manners.headers = [:]
    manners.requestLimit = 3 << 20
    try await withTestRegistry(manners: manners) { registry in
      let bytes = [UInt8](repeating: 8, count: 9 << 20)
      let descriptor = try await registry.repository().push(.layerTar, producing: BlobSource(bytes))
      #expect(try await registry.repository().exists(descriptor))
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func announcedChunksAreKept() async throws {
    var manners = RegistryManners()
    manners.headers = [:]
    manners.announcedChunk = (1 << 20, 2 << 20)
    try await withTestRegistry(manners: manners) { registry in
      let bytes = [UInt8](repeating: 9, count: (5 << 20) + 17)
      try await registry.repository().push(Descriptor(mediaType: .layerTar, describing: bytes), from: BlobSource(bytes))
      let chunks = registry.server.requests.filter { $0.method == "PATCH" }.map(\.bodyBytes)
      #expect(chunks == [2 << 20, 2 << 20, (1 << 20) + 17])
    }
  }

  @Test func aRegistryWhoseRangeDoesNotAdvanceIsNotAskedForEver() async throws {
    var manners = RegistryManners()
    manners.headers = [:]
    manners.statusRange = .fixed("0-99")
    manners.wholePut = .refuse(404, code: "BLOB_UPLOAD_UNKNOWN")
    manners.streamedPatch = .refuse(405, code: "UNSUPPORTED")
    try await withTestRegistry(manners: manners) { registry in
      let bytes = [UInt8](repeating: 9, count: 2 << 20)
      await #expect {
        try await registry.repository().push(
          Descriptor(mediaType: .layerTar, describing: bytes), from: BlobSource(bytes))
      } throws: { ($0 as? RegistryError)?.code == .protocolViolation }
      #expect(registry.server.requests.count < 40 && registry.server.openUploads == 0)
    }
  }

  @Test func gitLabsDigestTagsAreRefusedWithAWayOut() async throws {
    let manners = try #require(RegistryManners.imitating("GitLab"))
    try await withTestRegistry(manners: manners) { registry in
      let (first, second) = (SampleImage(seed: 1), SampleImage(seed: 2))
      try await first.push(to: registry.repository(), tags: ["1"])
      await #expect {
        try await second.push(to: registry.repository(), tags: ["sha256-\(first.manifest.digest.encoded)"])
      } throws: { ($0 as? RegistryError)?.message.contains("another spelling") == true }
      try await second.push(to: registry.repository(), tags: ["sha256.\(second.manifest.digest.encoded)"])
    }
  }

  @Test func immutableTagsAreNotSetAgain() async throws {
    let manners = try #require(RegistryManners.imitating("Amazon ECR"))
    try await withTestRegistry(manners: manners) { registry in
      let source = MemoryStore()
      let image = SampleImage(seed: 1)
      try await image.push(to: source, tags: [])
      for _ in 0..<2 { try await copy(image.manifest, from: source, to: registry.repository(), tags: ["1"]) }
      #expect(registry.count("PUT", "/manifests/") == 1)
    }
  }
}
