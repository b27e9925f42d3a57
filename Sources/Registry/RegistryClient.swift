public import OCICore
internal import Synchronization

/// Connections to registries, and what is known about them: how to authenticate, what they can do, which blobs they have.
/// Make one, share it, shut it down.
public final class RegistryClient: Sendable {
  /// How it talks to registries.
  public let configuration: RegistryConfiguration
  let transport: Transport
  let authorizer: Authorizer
  let blobs = BlobLedger()
  private let hosts = Mutex<[RegistryURL: HostState]>([:])

  /// Creates a client, which must be shut down when it is no longer needed.
  public init(configuration: RegistryConfiguration = RegistryConfiguration()) {
    self.configuration = configuration
    transport = Transport(configuration)
    authorizer = Authorizer(TokenService(transport: transport), provider: configuration.credentials) {
      configuration.onEvent?($0)
    }
  }

  /// A repository of a registry.
  /// - Throws: `OCIError.Code.invalidReference` when the host or the name is not valid.
  public func repository(host: String, name: String) throws -> RegistryRepository {
    repository(try ImageReference(host: host, repository: name))
  }

  /// The repository that a reference names; its tag and digest are not looked at.
  public func repository(_ reference: ImageReference) -> RegistryRepository {
    RegistryRepository(self, reference.withoutTagOrDigest, access: .pull)
  }

  /// Closes the connections. No request may follow.
  public func shutdown() async throws { try await transport.shutdown() }

  /// Runs an operation with a client, which is shut down after it.
  @discardableResult
  public static func using<Result>(
    _ configuration: RegistryConfiguration, _ operation: (RegistryClient) async throws -> Result
  ) async throws -> Result {
    let client = RegistryClient(configuration: configuration)
    let result: Result
    do {
      result = try await operation(client)
    } catch {
      try? await client.shutdown()
      throw error
    }
    try await client.shutdown()
    return result
  }

  /// Where a registry listens.
  func address(of reference: ImageReference) -> RegistryURL {
    // Docker Hub's registry is not where its name says.
    let authority = reference.host == ImageReference.dockerHub ? "registry-1.docker.io" : reference.host
    return RegistryURL(scheme: configuration.scheme(of: reference), authority: authority, target: "/")
  }

  func state(of endpoint: Endpoint) -> HostState {
    hosts.withLock { hosts in
      if let state = hosts[endpoint.base.origin] { return state }
      let state = HostState(host: endpoint.host, configuration)
      hosts[endpoint.base.origin] = state
      return state
    }
  }

  /// The name of the row of the table by which a registry is treated, e.g. `GitLab`; `generic` for one that nothing is known
  /// of, which may become another with its first answers.
  public func profile(of host: String) throws -> RegistryProfile {
    Endpoint(self, registry: try ImageReference(host: host, repository: "any"), actions: "pull").state.profile
  }
}
