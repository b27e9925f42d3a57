import OCICore
import OCITesting
import Registry
import Testing

struct AuthenticationTests {
  private static let alice = Credentials(user: "alice", password: "p:ä s")

  private func faults(_ authentication: RegistryFaults.Authentication) -> RegistryFaults {
    var faults = RegistryFaults()
    faults.authentication = authentication
    return faults
  }

  @Test(arguments: [RegistryFaults.Authentication.basic(alice), .bearer(alice)])
  func aPushAuthenticates(authentication: RegistryFaults.Authentication) async throws {
    let configuration = RegistryConfiguration { _, _ in Self.alice }
    try await withTestRegistry(faults: faults(authentication), configuration: configuration) { registry in
      try await TagStoreConformance.check(registry.repository())
      // One refusal tells how; from then on every request brings what is asked: a token to read, then one to write, too.
      #expect(registry.server.requests.count { $0.status == 401 } == 1)
      #expect(registry.count("GET", "/token") == (authentication == .bearer(Self.alice) ? 2 : 0))
    }
  }

  @Test(arguments: [RegistryFaults.Authentication.basic(alice), .bearer(alice)])
  func withoutCredentialsItIsUnauthorized(authentication: RegistryFaults.Authentication) async throws {
    try await withTestRegistry(faults: faults(authentication)) { registry in
      await #expect { try await SampleImage(seed: 1).push(to: registry.repository(), tags: ["1"]) } throws: {
        guard let error = $0 as? RegistryError else { return false }
        return error.code == .unauthorized && error.message.contains("log in")
      }
    }
  }

  @Test(arguments: [RegistryFaults.Authentication.basic(alice), .bearer(alice)])
  func aWrongPasswordIsTriedOnce(authentication: RegistryFaults.Authentication) async throws {
    let configuration = RegistryConfiguration { _, _ in Credentials(user: "alice", password: "wrong") }
    try await withTestRegistry(faults: faults(authentication), configuration: configuration) { registry in
      await #expect { try await SampleImage(seed: 1).push(to: registry.repository(), tags: ["1"]) } throws: {
        ($0 as? RegistryError)?.code == .unauthorized
      }
      #expect(registry.server.requests.count == 2)
    }
  }

  @Test func aTokenThatEndsIsRenewed() async throws {
    let configuration = RegistryConfiguration { _, _ in Self.alice }
    try await withTestRegistry(faults: faults(.bearer(Self.alice)), configuration: configuration) { registry in
      let image = SampleImage(seed: 2)
      try await image.push(to: registry.repository(), tags: ["1"])
      registry.server.revokeTokens()
      #expect(try await registry.repository().resolve("1") == image.manifest)
      // And in the middle of an upload, whose body cannot be sent twice.
      registry.server.faults.answers = [.init(method: "PUT", path: "/uploads/", status: 401)]
      let bytes = [UInt8](repeating: 5, count: 2 << 20)
      let blob = Descriptor(mediaType: .layerTar, describing: bytes)
      try await registry.repository().push(blob, from: BlobSource(bytes))
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func manyRequestsShareOneToken() async throws {
    let configuration = RegistryConfiguration { _, _ in Self.alice }
    try await withTestRegistry(faults: faults(.bearer(Self.alice)), configuration: configuration) { registry in
      let repository = try registry.repository()
      await withTaskGroup { group in
        for seed in 0..<8 {
          group.addTask { _ = try? await repository.exists(SampleImage(seed: UInt64(seed)).manifest) }
        }
      }
      #expect(registry.count("GET", "/token") == 1)
    }
  }

  // MARK: Token servers

  @Test(
    arguments: [
      (["access_token"], 300, [:]), (["token", "access_token"], nil, [:]), (["token"], 300_000_000_000, [:]),
      (["token"], -5, [:]), (["token"], 1, [:]), (["token"], 300, ["GET": 405]), (["token"], 300, ["GET": 404]),
    ] as [([String], Int64?, [String: Int])])
  func tokenServersMayDiffer(fields: [String], expiresIn: Int64?, unknown: [String: Int]) async throws {
    var faults = faults(.bearer(Self.alice))
    faults.tokenServer.fields = fields
    faults.tokenServer.expiresIn = expiresIn
    faults.tokenServer.unknownMethods = unknown
    let configuration = RegistryConfiguration { _, _ in Self.alice }
    try await withTestRegistry(faults: faults, configuration: configuration) { registry in
      try await SampleImage(seed: 1).push(to: registry.repository(), tags: ["1"])
      #expect(registry.count("", "/token") <= 4)
    }
  }

  @Test func anIdentityTokenIsExchanged() async throws {
    let token = Credentials.identityToken("refresh")
    let configuration = RegistryConfiguration { _, _ in token }
    try await withTestRegistry(faults: faults(.bearer(token)), configuration: configuration) { registry in
      try await SampleImage(seed: 1).push(to: registry.repository(), tags: ["1"])
      #expect(registry.count("POST", "/token") > 0 && registry.count("GET", "/token") == 0)
    }
  }

  @Test func aRegistryTokenGoesAsItIs() async throws {
    try await withTestRegistry(faults: faults(.anonymousBearer)) { registry in
      let image = SampleImage(seed: 1)
      try await image.push(to: registry.repository(), tags: ["1"])
      let configuration = RegistryConfiguration { _, _ in .accessToken("made up") }
      try await RegistryClient.using(configuration) { client in
        registry.server.forgetRequests()
        await #expect {
          _ = try await client.repository(host: registry.server.address, name: "team/app").resolve("1")
        } throws: {
          ($0 as? RegistryError)?.code == .unauthorized
        }
        #expect(registry.count("", "/token") == 0)
      }
    }
  }

  @Test func nobodyNeedsNoCredentialsWhereTokensAreForAll() async throws {
    try await withTestRegistry(faults: faults(.anonymousBearer)) { registry in
      try await TagStoreConformance.check(registry.repository())
    }
  }

  @Test func tokensOfFewUsesAreRenewedInTheMiddle() async throws {
    var faults = faults(.bearer(Self.alice))
    faults.tokenServer.uses = 3
    let configuration = RegistryConfiguration { _, _ in Self.alice }
    try await withTestRegistry(faults: faults, configuration: configuration) { registry in
      let image = SampleImage(seed: 1, layerSizes: [1 << 20, 2 << 20, 3 << 20])
      try await image.push(to: registry.repository(), tags: ["1", "2"])
      #expect(registry.server.openUploads == 0)
      #expect(try await registry.repository().resolve("2") == image.manifest)
    }
  }

  @Test(arguments: [RegistryFaults.Authentication.basic(alice), .bearer(alice)])
  func refusedCredentialsAreNotShownAgain(authentication: RegistryFaults.Authentication) async throws {
    let configuration = RegistryConfiguration { _, _ in Credentials(user: "alice", password: "wrong") }
    try await withTestRegistry(faults: faults(authentication), configuration: configuration) { registry in
      for _ in 0..<5 {
        await #expect(throws: RegistryError.self) { try await registry.repository().resolve("1") }
      }
      // A registry that bans for failed logins sees one.
      #expect(registry.server.requests.count { $0.status == 401 && $0.hasAuthorization } == 1)
    }
  }

  @Test(arguments: [RegistryFaults.Authentication.basic(alice), .bearer(alice)])
  func credentialsThatWereRenewedAreAskedForAfterARefusal(authentication: RegistryFaults.Authentication) async throws {
    let asked = Recorder<Void>()
    let configuration = RegistryConfiguration { _, _ in
      asked.append(())
      return asked.values.count == 1 ? Credentials(user: "alice", password: "old") : Self.alice
    }
    try await withTestRegistry(faults: faults(authentication), configuration: configuration) { registry in
      await #expect(throws: RegistryError.self) { try await registry.repository().resolve("1") }
      let found = try await registry.repository().resolve("1")
      #expect(found == nil)
    }
  }

  @Test func credentialsRefusedForOneRepositoryServeTheOthers() async throws {
    let configuration = RegistryConfiguration { _, _ in Self.alice }
    try await withTestRegistry(faults: faults(.basic(Self.alice)), configuration: configuration) { registry in
      registry.server.faults.decide = { _, path in
        guard path.contains("/forbidden/") else { return nil }
        return .answer(.init(path: "", status: 401, headers: ["WWW-Authenticate": "Basic realm=\"x\""]))
      }
      _ = try await registry.repository("team/app").resolve("1")
      for _ in 0..<2 {
        await #expect(throws: RegistryError.self) { try await registry.repository("forbidden/app").resolve("1") }
      }
      let found = try await registry.repository("team/app").resolve("1")
      #expect(found == nil)
      #expect(registry.count("HEAD", "/forbidden/") == 1)
    }
  }

  // MARK: Who gets to see what

  @Test func credentialsDoNotFollowARedirectToAnotherHost() async throws {
    let configuration = RegistryConfiguration { _, _ in Self.alice }
    try await withTestRegistry { cdn in
      try await withTestRegistry(faults: faults(.basic(Self.alice)), configuration: configuration) { registry in
        let bytes = [UInt8](repeating: 1, count: 200_000)
        let blob = Descriptor(mediaType: .layerTar, describing: bytes)
        try await registry.repository().push(blob, from: BlobSource(bytes))
        try await cdn.repository().push(blob, from: BlobSource(bytes))
        registry.server.manners.redirectsBlobsTo = "http://\(cdn.server.address)"
        cdn.server.forgetRequests()
        #expect(try await registry.repository().fetch(blob).collect(upTo: bytes.count) == bytes)
        #expect(cdn.server.requests.map(\.status) == [200])
        #expect(cdn.server.requests.allSatisfy { !$0.hasAuthorization })
      }
    }
  }

  @Test func aTokenServerThatIsNoAddressIsNotAsked() async throws {
    for realm in ["ftp://x/", "", "nonsense", "file:///etc/passwd"] {
      try await withTestRegistry { registry in
        registry.server.faults.answers = [
          .init(path: "/v2/", status: 401, headers: ["WWW-Authenticate": "Bearer realm=\"\(realm)\""], times: 10)
        ]
        await #expect(throws: RegistryError.self) { try await registry.repository().resolve("1") }
      }
    }
  }

  @Test func noErrorAndNoEventShowsASecret() async throws {
    let secret = "s3cr3t-hunter2"
    let events = Recorder<String>()
    for authentication in [RegistryFaults.Authentication.basic(Self.alice), .bearer(Self.alice)] {
      for credentials in [Credentials(user: "alice", password: secret), .identityToken(secret), .accessToken(secret)] {
        var configuration = RegistryConfiguration { _, _ in credentials }
        configuration.onEvent = { events.append("\($0)") }
        try await withTestRegistry(faults: faults(authentication), configuration: configuration) { registry in
          do { _ = try await registry.repository().resolve("1") } catch {
            events.append("\(error) \(String(reflecting: error))")
          }
          var dumped = ""
          dump(configuration, to: &dumped)
          events.append(dumped)
        }
      }
    }
    let encoded = "czNjcjN0LWh1bnRlcjI"
    #expect(events.values.count > 6)
    #expect(events.values.allSatisfy { !$0.contains(secret) && !$0.contains(encoded) })
  }
}
