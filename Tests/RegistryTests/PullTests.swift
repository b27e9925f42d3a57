import OCICore
import OCITesting
import Registry
import Testing

/// What is read from a registry is whole, or an error; and what it lists is all there is.
struct PullTests {
  private func quick() -> RegistryConfiguration {
    var configuration = RegistryConfiguration()
    configuration.maximumAttempts = 4
    return configuration
  }

  @Test func aBrokenDownloadGoesOnWhereItBroke() async throws {
    var generator = SeededGenerator(seed: 1)
    let bytes = generator.bytes(4 << 20)
    let blob = Descriptor(mediaType: .layerTar, describing: bytes)
    try await withTestRegistry(configuration: quick()) { registry in
      try await registry.repository().push(blob, from: BlobSource(bytes))
      registry.server.forgetRequests()
      let count = Recorder<Void>()
      registry.server.faults.decide = { method, path in
        guard method == "GET", path.contains("/blobs/") else { return nil }
        count.append(())
        return count.values.count <= 3 ? .cutAnswer(afterBytes: 1_000_001) : nil
      }
      #expect(try await registry.repository().fetch(blob).collect(upTo: bytes.count) == bytes)
      #expect(registry.server.requests.filter { $0.method == "GET" }.map(\.status) == [200, 206, 206, 206])
    }
  }

  @Test func aDownloadThatStaysBrokenIsAnError() async throws {
    var generator = SeededGenerator(seed: 2)
    let bytes = generator.bytes(1 << 20)
    let blob = Descriptor(mediaType: .layerTar, describing: bytes)
    try await withTestRegistry(configuration: quick()) { registry in
      try await registry.repository().push(blob, from: BlobSource(bytes))
      registry.server.faults.decide = { method, _ in method == "GET" ? .cutAnswer(afterBytes: 100) : nil }
      await #expect { _ = try await registry.repository().fetch(blob).collect(upTo: bytes.count) } throws: {
        ($0 as? RegistryError)?.code == .connectionLost
      }
    }
  }

  @Test func wrongBytesAreAnErrorAndNeverGivenWhole() async throws {
    let bytes = [UInt8](repeating: 3, count: 100_000)
    let blob = Descriptor(mediaType: .layerTar, describing: bytes)
    try await withTestRegistry { registry in
      try await registry.repository().push(blob, from: BlobSource(bytes))
      registry.server.faults.answers = [
        .init(method: "GET", path: "/blobs/", status: 200, body: String(repeating: "x", count: 100_000))
      ]
      await #expect { _ = try await registry.repository().fetch(blob).collect(upTo: 200_000) } throws: {
        ($0 as? OCIError)?.code == .digestMismatch
      }
    }
  }

  @Test(arguments: [false, true]) func tagsComeInPages(ignoresLast: Bool) async throws {
    var manners = RegistryManners()
    manners.pageSize = 7
    manners.ignoresLast = ignoresLast
    try await withTestRegistry(manners: manners) { registry in
      let image = SampleImage(seed: 1)
      let repository = try registry.repository()
      let tags = (0..<30).map { "v\($0)" }
      try await image.push(to: repository, tags: tags)
      let listed = try await repository.tags()
      // A registry that gives its first page for ever is not asked for ever.
      #expect(ignoresLast ? listed.count == 7 : listed == tags.sorted())
      #expect(registry.count("GET", "/tags/list") <= 6)
      await #expect { _ = try await registry.repository("no/body").tags() } throws: {
        ($0 as? RegistryError)?.code == .notFound
      }
    }
  }

  @Test func aListIsNotContinuedElsewhere() async throws {
    try await withTestRegistry { registry in
      registry.server.faults.answers = [
        .init(
          method: "GET", path: "/tags/list", status: 200, headers: ["Link": #"<http://10.0.0.1/x>; rel="next""#],
          body: #"{"name":"team/app","tags":["a"]}"#)
      ]
      await #expect { _ = try await registry.repository().tags() } throws: {
        ($0 as? RegistryError)?.code == .protocolViolation
      }
    }
  }

  @Test func theCatalogueAndDeletions() async throws {
    var manners = RegistryManners()
    manners.separatesRepositories = true
    try await withTestRegistry(manners: manners) { registry in
      let image = SampleImage(seed: 1)
      for name in ["b/b", "a/a"] { try await image.push(to: registry.repository(name), tags: ["1", "2"]) }
      #expect(try await registry.client.catalog(of: registry.server.address) == ["a/a", "b/b"])
      let repository = try registry.repository("a/a")
      try await repository.delete(tag: "1")
      #expect(try await repository.tags() == ["2"])
      #expect(try await repository.exists(image.manifest))
      try await repository.delete(image.manifest)
      #expect(try await repository.resolve("2") == nil)
      #expect(try await !repository.exists(image.manifest))
      #expect(try await registry.repository("b/b").resolve("2") != nil)
      await #expect { try await repository.delete(image.manifest) } throws: {
        ($0 as? RegistryError)?.code == .notFound
      }
      try await repository.delete(image.blobs[0].descriptor)
      #expect(try await !repository.exists(image.blobs[0].descriptor))
    }
  }

  // MARK: Referrers

  @Test(arguments: ["Flywheel", "generic", "distribution", "zot"])
  func referrersAreKeptByTheRegistryOrByATag(name: String) async throws {
    let manners = try #require(RegistryManners.imitating(name))
    try await withTestRegistry(manners: manners) { registry in
      try await ReferrerStoreConformance.check(registry.repository())
    }
  }

  @Test func referrersComeInPages() async throws {
    var manners = RegistryManners()
    manners.pageSize = 1
    try await withTestRegistry(manners: manners) { registry in
      try await ReferrerStoreConformance.check(registry.repository())
      #expect(registry.server.requests.contains { $0.path.contains("/referrers/") })
    }
  }

  @Test func manyWritersOfTheFallbackTagLoseNothing() async throws {
    let manners = try #require(RegistryManners.imitating("generic"))
    try await withTestRegistry(manners: manners) { registry in
      let repository = try registry.repository()
      let image = SampleImage(seed: 1)
      try await image.push(to: repository, tags: ["1"])
      try await repository.push(.empty, from: BlobSource(Array("{}".utf8)))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<4 {
          group.addTask {
            let manifest = ImageManifest(
              artifactType: .octetStream, config: .empty, layers: [.empty], subject: image.manifest,
              annotations: ["number": "\(number)"])
            let bytes = manifest.canonicalBytes
            try await repository.publish(
              Descriptor(mediaType: .imageManifest, describing: bytes), bytes: bytes, tags: [])
          }
        }
        try await group.waitForAll()
      }
      let found = try await repository.referrers(of: image.manifest, artifactType: nil)
      #expect(Set(found.map { $0.annotations["number"] }) == ["0", "1", "2", "3"])
    }
  }

  @Test func gitLabsTrapIsNoListOfReferrers() async throws {
    var manners = try #require(RegistryManners.imitating("GitLab"))
    manners.headers = [:]
    try await withTestRegistry(manners: manners) { registry in
      let image = SampleImage(seed: 1)
      try await image.push(to: registry.repository(), tags: ["1"])
      #expect(try await registry.repository().referrers(of: image.manifest, artifactType: nil) == [])
      #expect(try registry.client.profile(of: registry.server.address).readsDigestTags)
    }
  }

  // MARK: Plans

  @Test func aPlanSaysWhatACopyWillDoAndDoesNothing() async throws {
    try await withTestRegistry { registry in
      let source = MemoryStore()
      let (old, new) = (SampleImage(seed: 1), SampleImage(seed: 2, layerSizes: [1000, 70_000, 200_000]))
      for image in [old, new] { try await image.push(to: source, tags: []) }
      let repository = try registry.repository()
      try await copy(old.manifest, from: source, to: repository, tags: ["1"])
      let layer = new.blobs[2]
      try await repository.push(layer.descriptor, from: BlobSource(layer.bytes))
      registry.server.forgetRequests()
      let plan = try await planCopy(new.manifest, from: source, to: repository, tags: ["1", "2"])
      #expect(registry.server.requests.allSatisfy { $0.method == "HEAD" })
      #expect(plan.movedTags == ["1", "2"] && plan.tags[0].current == old.manifest.digest)
      let report = try await copy(new.manifest, from: source, to: repository, tags: ["1", "2"])
      #expect(Set(report.copied) == Set(plan.sent) && report.copiedBytes == plan.sentBytes)
      let after = try await planCopy(new.manifest, from: source, to: repository, tags: ["1", "2"])
      #expect(after.isEmpty && after.steps.map(\.action) == [.keep])
    }
  }
}
