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
      // One refusal tells how; from then on every request brings what is asked.
      #expect(registry.server.requests.count { $0.status == 401 } == 1)
      #expect(registry.count("GET", "/token") == (authentication == .bearer(Self.alice) ? 1 : 0))
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
}
