import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

struct RepositoryTests {
  @Test func aRepositoryIsATagStore() async throws {
    try await withTestRegistry { registry in
      try await TagStoreConformance.check(registry.repository())
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func aLayoutIsATagStore() async throws {
    try await withTemporaryDirectory { path in
      try await TagStoreConformance.check(ImageLayoutStore(path.appending("layout")))
    }
  }

  @Test(arguments: [RegistryManners.Answer.obey, .decline])
  func aLargeBlobIsTwoRequestsASmallOneIsOneAndATagIsOne(singlePost: RegistryManners.Answer) async throws {
    var manners = RegistryManners()
    manners.singlePost = singlePost
    try await withTestRegistry(manners: manners) { registry in
      let image = SampleImage(seed: 1)
      let repository = try registry.repository()
      for blob in image.blobs { try await repository.push(blob.descriptor, from: BlobSource(blob.bytes)) }
      try await repository.publish(image.manifest, bytes: image.manifestBytes, tags: ["1"])
      let small = singlePost == .obey ? image.blobs.count { $0.descriptor.size <= 64 << 10 } : 0
      #expect(registry.count("HEAD") == 0 && registry.count("POST") == image.blobs.count)
      #expect(registry.count("PUT", "/uploads/") == image.blobs.count - small)
      #expect(registry.count("PUT", "/manifests/") == 1)
    }
  }

  @Test func anUnchangedPushAsksOnly() async throws {
    try await withTestRegistry { registry in
      let image = SampleImage(seed: 2)
      try await image.push(to: registry.repository(), tags: ["1"])
      registry.server.forgetRequests()
      for blob in image.blobs { #expect(try await registry.repository().exists(blob.descriptor)) }
      #expect(try await registry.repository().resolve("1") == image.manifest)
      #expect(registry.server.requests.allSatisfy { $0.method == "HEAD" && $0.bodyBytes == 0 })
      #expect(registry.server.requests.count == image.blobs.count + 1)
    }
  }

  @Test func aSecondTagIsExactlyOneRequest() async throws {
    try await withTestRegistry { registry in
      let image = SampleImage(seed: 3)
      try await image.push(to: registry.repository(), tags: ["1"])
      registry.server.forgetRequests()
      try await registry.repository().publish(image.manifest, bytes: image.manifestBytes, tags: ["2"])
      #expect(registry.server.requests.map(\.description) == ["PUT /v2/team/app/manifests/2 201"])
    }
  }

  @Test(arguments: [false, true]) func bothKindsOfLocationLeadToTheUpload(isAbsolute: Bool) async throws {
    var faults = RegistryFaults()
    faults.usesAbsoluteLocations = isAbsolute
    try await withTestRegistry(faults: faults) { registry in
      try await SampleImage(seed: 4).push(to: registry.repository(), tags: ["1"])
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func aTagIsResolvedThoughTheHeadersAreMissing() async throws {
    try await withTestRegistry { registry in
      let image = SampleImage(seed: 5)
      try await image.push(to: registry.repository(), tags: ["1"])
      registry.server.faults.answers = [.init(method: "HEAD", path: "/manifests/", status: 200)]
      #expect(try await registry.repository().resolve("1") == image.manifest)
      registry.server.faults.answers = [.init(method: "HEAD", path: "/manifests/", status: 405)]
      #expect(try await registry.repository().resolve("1") == image.manifest)
      registry.server.faults.answers = [.init(method: "HEAD", path: "/manifests/", status: 405)]
      #expect(try await registry.repository().exists(image.manifest))
    }
  }

  @Test func aRedirectIsFollowed() async throws {
    try await withTestRegistry { registry in
      let image = SampleImage(seed: 6)
      try await image.push(to: registry.repository(), tags: ["1"])
      let blob = image.blobs[1]
      registry.server.faults.answers = [
        .init(
          method: "GET", path: "/v2/team/app/blobs/", status: 307,
          headers: ["Location": "/v2/other/place/blobs/\(blob.descriptor.digest)"])
      ]
      #expect(try await registry.repository().fetch(blob.descriptor).collect(upTo: 1 << 20) == blob.bytes)
      registry.server.faults.answers = [
        .init(method: "GET", path: "/blobs/", status: 302, headers: ["Location": "/v2/a/blobs/x"], times: 100)
      ]
      await #expect { try await registry.repository().fetch(blob.descriptor) } throws: {
        ($0 as? RegistryError)?.code == .protocolViolation
      }
    }
  }

  @Test func progressGoesOnWhereTheUploadGoesOn() async throws {
    let seen = Recorder<Int64>()
    var configuration = RegistryConfiguration()
    configuration.onEvent = { if case .sent(_, let bytes) = $0.kind { seen.append(bytes) } }
    var faults = RegistryFaults()
    faults.uploads = (1...1, .dropAfter(bytes: 1 << 20))
    try await withTestRegistry(faults: faults, configuration: configuration) { registry in
      var generator = SeededGenerator(seed: 7)
      let bytes = generator.bytes(8 << 20)
      let blob = Descriptor(mediaType: .layerTar, describing: bytes)
      let chunks = stride(from: 0, to: bytes.count, by: 1 << 20).map { Array(bytes[$0..<($0 + (1 << 20))]) }
      let source = BlobSource { ByteStream { writer in for chunk in chunks { try writer.write(chunk) } } }
      try await registry.repository().push(blob, from: source)
      #expect(seen.values.max() == blob.size && seen.values.last == blob.size)
      #expect(seen.values.count { $0 == 256 << 10 } == 1)
      // What was on its way when the connection broke is sent again, and no more.
      #expect(zip(seen.values, seen.values.dropFirst()).count { $0 > $1 } <= 1)
    }
  }
}
