import OCICore
import OCITesting
import Registry
import Testing

/// Blobs that images share go to a registry once.
struct MountTests {
  private static let alice = Credentials(user: "alice", password: "p")

  private var separate: RegistryManners {
    var manners = RegistryManners()
    manners.separatesRepositories = true
    return manners
  }

  @Test func manyImagesAtOnceUploadASharedBlobOnce() async throws {
    try await withTestRegistry(manners: separate) { registry in
      var generator = SeededGenerator(seed: 1)
      let shared = generator.bytes(2 << 20)
      let blob = Descriptor(mediaType: .layerTar, describing: shared)
      let opened = Recorder<Void>()
      let source = BlobSource {
        opened.append(())
        return ByteStream(shared)
      }
      let outcomes = try await withThrowingTaskGroup(of: PushOutcome.self) { group in
        for number in 0..<12 {
          let repository = try registry.repository("team/app\(number % 6)")
          group.addTask { try await repository.ensure(blob, from: source) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(outcomes.count { $0 == .sent } == 1)
      #expect(outcomes.count { if case .mounted = $0 { true } else { false } } == 5)
      #expect(outcomes.count { $0 == .existed } == 6)
      #expect(opened.values.count == 1)
      for number in 0..<6 {
        let isThere = try await registry.repository("team/app\(number)").exists(blob)
        #expect(isThere)
      }
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func aFailedUploadIsTakenOverByWhoWaits() async throws {
    struct Failure: Error {}
    try await withTestRegistry(manners: separate) { registry in
      let bytes = [UInt8](repeating: 5, count: 1 << 20)
      let blob = Descriptor(mediaType: .layerTar, describing: bytes)
      let first = Recorder<Void>()
      let source = BlobSource {
        first.append(())
        if first.values.count == 1 {
          try await Task.sleep(for: .milliseconds(200))
          throw Failure()
        }
        return ByteStream(bytes)
      }
      let repository = try registry.repository()
      let results = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<4 { group.addTask { (try? await repository.ensure(blob, from: source)) != nil } }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(results.count { $0 } == 3)
      #expect(first.values.count == 2)
    }
  }

  @Test(arguments: [
    RegistryManners.Answer.decline, .refuse(401, code: "UNAUTHORIZED"), .refuse(403, code: "DENIED"),
    .refuse(404, code: "NAME_UNKNOWN"), .refuse(500, code: "UNKNOWN"),
  ])
  func aMountThatComesToNothingCostsTheMountAlone(mount: RegistryManners.Answer) async throws {
    var manners = separate
    manners.headers = [:]
    manners.mount = mount
    manners.mountFromAnywhere = mount
    try await withTestRegistry(manners: manners) { registry in
      let bytes = [UInt8](repeating: 6, count: 1 << 20)
      let blob = Descriptor(mediaType: .layerTar, describing: bytes)
      for name in ["a/a", "b/b", "c/c"] {
        let outcome = try await registry.repository(name).ensure(blob, from: BlobSource(bytes))
        #expect(outcome == .sent)
      }
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test(arguments: [false, true]) func theTokenOfAMountCoversItsSource(refusesSecondScope: Bool) async throws {
    var separate = separate
    separate.mountFromAnywhere = .decline
    var faults = RegistryFaults()
    faults.authentication = .bearer(Self.alice)
    faults.tokenServer.refusesSecondScope = refusesSecondScope
    let configuration = RegistryConfiguration { _, _ in Self.alice }
    try await withTestRegistry(faults: faults, manners: separate, configuration: configuration) { registry in
      let bytes = [UInt8](repeating: 7, count: 1 << 20)
      let blob = Descriptor(mediaType: .layerTar, describing: bytes)
      #expect(try await registry.repository("a/a").ensure(blob, from: BlobSource(bytes)) == .sent)
      let second = try await registry.repository("b/b").ensure(blob, from: BlobSource(bytes))
      // A token server that does not know the second scope costs the mount, not the push.
      #expect(second == (refusesSecondScope ? .sent : .mounted(from: "a/a")))
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func aNamedSourceIsMountedFrom() async throws {
    var configuration = RegistryConfiguration()
    configuration.mountSources = [:]
    try await withTestRegistry(manners: separate) { registry in
      let bytes = [UInt8](repeating: 8, count: 1 << 20)
      let blob = Descriptor(mediaType: .layerTar, describing: bytes)
      try await registry.repository("base/image").push(blob, from: BlobSource(bytes))
      configuration.mountSources = [registry.server.address: ["base/image"]]
      try await RegistryClient.using(configuration) { client in
        let repository = try client.repository(host: registry.server.address, name: "team/app")
        let outcome = try await repository.ensure(blob, from: BlobSource { throw CancellationError() })
        #expect(outcome == .mounted(from: "base/image"))
      }
    }
  }

  @Test func anImageCopiedWithinARegistryMovesNoBytes() async throws {
    try await withTestRegistry(manners: separate) { registry in
      let image = SampleImage(seed: 1, layerSizes: [1 << 20, 2 << 20])
      try await image.push(to: registry.repository("from/app"), tags: ["1"])
      try await RegistryClient.using(RegistryConfiguration()) { client in
        registry.server.forgetRequests()
        let from = try client.repository(host: registry.server.address, name: "from/app")
        let to = try client.repository(host: registry.server.address, name: "to/app")
        try await copy(image.manifest, from: from, to: to, tags: ["1"])
        #expect(try await to.resolve("1")?.digest == image.manifest.digest)
        #expect(registry.server.requests.allSatisfy { $0.method != "GET" || $0.path.contains("/manifests/") })
        #expect(registry.server.requests.reduce(0) { $0 + $1.bodyBytes } == image.manifest.size)
      }
    }
  }
}
