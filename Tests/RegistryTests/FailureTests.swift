import OCICore
import OCITesting
import Registry
import Testing

struct FailureTests {
  private let blobBytes = [UInt8](repeating: 7, count: 5 << 20)
  private var blob: Descriptor { Descriptor(mediaType: .layerTar, describing: blobBytes) }

  private func code(_ operation: () async throws -> Void) async -> RegistryError.Code? {
    do { try await operation() } catch { return (error as? RegistryError)?.code }
    return nil
  }

  private func quick(attempts: Int = 4) -> RegistryConfiguration {
    var configuration = RegistryConfiguration()
    configuration.maximumAttempts = attempts
    return configuration
  }

  @Test(arguments: [true, false]) func aConnectionThatBreaksCostsWhatTheRegistryLost(resumes: Bool) async throws {
    var faults = RegistryFaults()
    faults.uploads = (1...2, .dropAfter(bytes: 1 << 20))
    var manners = RegistryManners()
    manners.resumes = resumes
    try await withTestRegistry(faults: faults, manners: manners) { registry in
      try await registry.repository().push(blob, from: BlobSource(blobBytes))
      #expect(try await registry.repository().exists(blob))
      #expect(registry.server.openUploads == 0)
      let sent = registry.server.requests.reduce(0) { $0 + $1.bodyBytes }
      if resumes {
        #expect(registry.count("POST") == 1 && registry.count("PATCH") == 1)
        #expect(sent == blob.size)
      } else {
        #expect(registry.count("POST") == 3 && registry.count("PUT") == 3)
        #expect(sent == blob.size + 2 << 20)
      }
    }
  }

  @Test func aConnectionThatAlwaysDropsLeavesTheOldTagAndNoSession() async throws {
    try await withTestRegistry(configuration: quick(attempts: 2)) { registry in
      let old = SampleImage(seed: 1)
      try await old.push(to: registry.repository(), tags: ["1"])
      registry.server.faults.uploads = (1...1000, .dropAfter(bytes: 10_000))
      let new = SampleImage(seed: 2, layerSizes: [3 << 20])
      #expect(await code { try await new.push(to: registry.repository(), tags: ["1"]) } == .connectionLost)
      #expect(try await registry.repository().resolve("1") == old.manifest)
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func aLostAnswerToACompleteUploadIsSuccess() async throws {
    var faults = RegistryFaults()
    faults.uploads = (1...1000, .answerLost)
    try await withTestRegistry(faults: faults) { registry in
      try await registry.repository().push(blob, from: BlobSource(blobBytes))
      #expect(registry.count("PUT") == 1)
    }
  }

  @Test func aStalledConnectionIsLost() async throws {
    var faults = RegistryFaults()
    faults.uploads = (1...1000, .stallAfter(bytes: 100_000))
    var configuration = quick(attempts: 1)
    // Long enough for the other requests on a busy machine.
    configuration.stallTimeout = 5
    try await withTestRegistry(faults: faults, configuration: configuration) { registry in
      let large = [UInt8](repeating: 1, count: 32 << 20)
      let descriptor = Descriptor(mediaType: .layerTar, describing: large)
      let result = await code { try await registry.repository().push(descriptor, from: BlobSource(large)) }
      #expect(result == .connectionLost)
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test(arguments: [408, 429, 500, 502, 503, 504]) func aBusyRegistryIsAskedAgain(status: Int) async throws {
    try await withTestRegistry { registry in
      registry.server.faults.answers = [
        .init(path: "/blobs/uploads/", status: status, headers: ["Retry-After": "0"], times: 2),
        .init(method: "PUT", path: "/manifests/", status: status, headers: ["Retry-After": "0"]),
      ]
      try await SampleImage(seed: 3).push(to: registry.repository(), tags: ["1"])
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func retryAfterIsWaitedFor() async throws {
    try await withTestRegistry { registry in
      registry.server.faults.answers = [
        .init(method: "POST", path: "/uploads/", status: 503, headers: ["Retry-After": "2"])
      ]
      let clock = ContinuousClock()
      let start = clock.now
      try await registry.repository().push(blob, from: BlobSource(blobBytes))
      #expect(clock.now - start >= .seconds(2))
    }
  }

  @Test func aRegistryThatStaysBusyIsUnavailable() async throws {
    try await withTestRegistry { registry in
      registry.server.faults.answers = [
        .init(path: "/blobs/", status: 503, headers: ["Retry-After": "0"], times: 100)
      ]
      let result = await code { try await registry.repository().push(blob, from: BlobSource(blobBytes)) }
      #expect(result == .unavailable)
      #expect(registry.server.requests.count == 5)
    }
  }

  @Test func aLostUploadSessionIsOpenedAnew() async throws {
    try await withTestRegistry { registry in
      registry.server.faults.answers = [
        .init(
          method: "PUT", path: "/uploads/", status: 404,
          body: #"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]}"#)
      ]
      try await registry.repository().push(blob, from: BlobSource(blobBytes))
      #expect(registry.count("POST") == 2 && registry.server.openUploads == 0)
    }
  }

  @Test(arguments: [(400, RegistryError.Code.rejected), (409, .rejected), (403, .unauthorized)])
  func aRefusalIsFinalAndSaysWhy(status: Int, expected: RegistryError.Code) async throws {
    // Long enough that the answer comes in the middle of the body.
    let bytes = [UInt8](repeating: 7, count: 32 << 20)
    let blob = Descriptor(mediaType: .layerTar, describing: bytes)
    try await withTestRegistry { registry in
      registry.server.faults.answers = [
        .init(
          method: "PUT", path: "/uploads/", status: status, body: #"{"errors":[{"code":"QUOTA","message":"full"}]}"#,
          times: 10)
      ]
      await #expect { try await registry.repository().push(blob, from: BlobSource(bytes)) } throws: { error in
        guard let error = error as? RegistryError else { return false }
        return error.code == expected && error.message.contains("QUOTA: full")
          && error.message.contains(registry.server.address) && error.message.contains("team/app")
      }
      // Once more where the reason was lost with the connection.
      #expect(registry.count("PUT") <= 2 && registry.server.openUploads == 0)
    }
  }

  @Test func anUploadWithoutLocationIsAProtocolViolation() async throws {
    try await withTestRegistry { registry in
      registry.server.faults.answers = [.init(method: "POST", path: "/uploads/", status: 202)]
      let result = await code { try await registry.repository().push(blob, from: BlobSource(blobBytes)) }
      #expect(result == .protocolViolation)
    }
  }

  @Test func anotherDigestThanOursIsAProtocolViolation() async throws {
    try await withTestRegistry { registry in
      let image = SampleImage(seed: 4)
      try await image.push(to: registry.repository(), tags: [])
      registry.server.faults.answers = [
        .init(
          method: "PUT", path: "/manifests/", status: 201,
          headers: ["Docker-Content-Digest": "sha256:" + String(repeating: "0", count: 64)])
      ]
      let result = await code {
        try await registry.repository().publish(image.manifest, bytes: image.manifestBytes, tags: ["1"])
      }
      #expect(result == .protocolViolation)
    }
  }

  @Test func nobodyListeningIsUnreachable() async throws {
    try await withTestRegistry(configuration: quick(attempts: 2)) { registry in
      let nobody = try registry.client.repository(host: "127.0.0.1:1", name: "a")
      #expect(await code { try await nobody.push(blob, from: BlobSource(blobBytes)) } == .unreachable)
      let noName = try registry.client.repository(host: "no-such-host.invalid", name: "a")
      #expect(await code { _ = try await noName.exists(blob) } == .unreachable)
    }
  }

  @Test func tlsWithAPlainServerIsUnreachable() async throws {
    var configuration = quick(attempts: 1)
    configuration.secureHosts = ["127.0.0.1"]
    try await withTestRegistry(configuration: configuration) { registry in
      #expect(await code { _ = try await registry.repository().exists(blob) } == .unreachable)
    }
  }

  @Test func aCancelledPushLeavesNoSession() async throws {
    var faults = RegistryFaults()
    faults.uploads = (1...1000, .stallAfter(bytes: 100_000))
    try await withTestRegistry(faults: faults) { registry in
      let repository = try registry.repository()
      let large = [UInt8](repeating: 1, count: 32 << 20)
      let descriptor = Descriptor(mediaType: .layerTar, describing: large)
      let task = Task { try await repository.push(descriptor, from: BlobSource(large)) }
      while registry.server.openUploads == 0 { try await Task.sleep(for: .milliseconds(10)) }
      try await Task.sleep(for: .milliseconds(100))
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(registry.server.openUploads == 0)
    }
  }
}
