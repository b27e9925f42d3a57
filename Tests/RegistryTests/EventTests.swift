import OCICore
import OCITesting
import Registry
import Testing

/// What a client tells while it works, and what it does when a registry asks for patience.
struct EventTests {
  private let bytes = [UInt8](repeating: 7, count: 5 << 20)
  private var blob: Descriptor { Descriptor(mediaType: .layerTar, describing: bytes) }

  private func configuration(_ events: Recorder<RegistryEvent>) -> RegistryConfiguration {
    var configuration = RegistryConfiguration()
    configuration.onEvent = { events.append($0) }
    return configuration
  }

  @Test func aResumptionSaysWhereItGoesOn() async throws {
    let events = Recorder<RegistryEvent>()
    var faults = RegistryFaults()
    faults.uploads = (1...1, .dropAfter(bytes: 2_000_000))
    try await withTestRegistry(faults: faults, configuration: configuration(events)) { registry in
      let outcome = try await registry.repository().ensure(blob, from: BlobSource(bytes))
      #expect(outcome == .sent)
      let offsets = events.values.compactMap { if case .resumed(_, let offset) = $0.kind { offset } else { nil } }
      #expect(offsets == [2_000_000])
      // From queued to done, the bytes only going back to where the upload went on.
      let kinds = events.values.filter { if case .request = $0.kind { false } else { true } }
      guard case .queued = kinds.first?.kind, case .done = kinds.last?.kind else {
        Issue.record("events are \(kinds)")
        return
      }
      #expect(events.values.contains { if case .retrying = $0.kind { true } else { false } })
      #expect(events.values.allSatisfy { $0.description.contains("127.0.0.1") })
    }
  }

  @Test func aPauseIsCappedToldAndHoldsUpTheOtherRequests() async throws {
    let events = Recorder<RegistryEvent>()
    var configuration = configuration(events)
    configuration.maximumPause = .seconds(1)
    try await withTestRegistry(configuration: configuration) { registry in
      registry.server.faults.answers = [
        .init(method: "HEAD", path: "/blobs/", status: 429, headers: ["Retry-After": "4000"])
      ]
      let repository = try registry.repository()
      let clock = ContinuousClock()
      let start = clock.now
      #expect(try await !repository.exists(blob))
      #expect(clock.now - start >= .seconds(1) && clock.now - start < .seconds(20))
      let pauses = events.values.compactMap { event -> [Duration]? in
        if case .throttled(let pause, let asked) = event.kind { [pause, asked] } else { nil }
      }
      #expect(pauses == [[.seconds(1), .seconds(4000)]])
      // Another request, which nobody has refused, waits as well.
      registry.server.faults.answers = [
        .init(method: "HEAD", path: "/blobs/", status: 503, headers: ["Retry-After": "1"])
      ]
      let refused = Task { try await repository.exists(blob) }
      while registry.server.requests.last?.status != 503 { try await Task.sleep(for: .milliseconds(1)) }
      try await Task.sleep(for: .milliseconds(50))
      let second = clock.now
      _ = try await repository.resolve("1")
      #expect(clock.now - second >= .milliseconds(500))
      _ = try await refused.value
    }
  }

  @Test func aWarningIsToldOnce() async throws {
    let events = Recorder<RegistryEvent>()
    try await withTestRegistry(configuration: configuration(events)) { registry in
      registry.server.manners.headers["Warning"] = "299 - \"plain\""
      for _ in 0..<3 { _ = try await registry.repository().resolve("1") }
      #expect(events.values.count { if case .warning("plain") = $0.kind { true } else { false } } == 1)
    }
  }

  @Test func whoseCredentialsAreUsedIsTold() async throws {
    let events = Recorder<RegistryEvent>()
    var configuration = RegistryConfiguration { _, _ in
      Credentials(user: "alice", password: "secret", origin: "a test")
    }
    configuration.onEvent = { events.append($0) }
    var faults = RegistryFaults()
    faults.authentication = .basic(Credentials(user: "alice", password: "secret"))
    try await withTestRegistry(faults: faults, configuration: configuration) { registry in
      _ = try await registry.repository().resolve("1")
      #expect(
        events.values.contains {
          if case .credentials("credentials of alice from a test") = $0.kind { true } else { false }
        })
    }
  }

  @Test func somethingThatSaysYesToEverythingIsNoRegistry() async throws {
    try await withTestRegistry { registry in
      let image = SampleImage(seed: 1)
      registry.server.faults.answers = [.init(method: "PUT", path: "", status: 200, body: "OK", times: .max)]
      await #expect {
        try await registry.repository().publish(image.manifest, bytes: image.manifestBytes, tags: ["1"])
      } throws: { ($0 as? RegistryError)?.code == .protocolViolation }
      await #expect {
        try await registry.repository().push(blob, from: BlobSource(bytes))
      } throws: { ($0 as? RegistryError)?.code == .protocolViolation }
    }
  }

  @Test func aLyingDigestIsNotTaken() async throws {
    try await withTestRegistry { registry in
      registry.server.faults.decide = { method, path in
        method == "PUT" && path.contains("/uploads/") ? .lyingDigest : nil
      }
      await #expect { try await registry.repository().push(blob, from: BlobSource(bytes)) } throws: {
        ($0 as? RegistryError)?.code == .protocolViolation
      }
    }
  }

  @Test(.enabled(if: Tool.areInstalled("docker-registry")))
  func dockersRegistryIsRecognisedAndTakesContentOfUnknownDigest() async throws {
    try await withDockerRegistry { host in
      let events = Recorder<RegistryEvent>()
      try await RegistryClient.using(configuration(events)) { client in
        let repository = try client.repository(host: host, name: "team/app")
        let descriptor = try await repository.push(.layerTar, producing: BlobSource(bytes))
        #expect(descriptor.digest == blob.digest)
        #expect(try await repository.fetch(blob).collect(upTo: bytes.count) == bytes)
        #expect(try client.profile(of: host).name == "distribution")
      }
    }
  }
}
