internal import AsyncHTTPClient
public import OCICore

/// Connections to registries, and what is known about authenticating there. Make one, share it, shut it down.
public final class RegistryClient: Sendable {
  /// How it talks to registries.
  public let configuration: RegistryConfiguration
  let transport: Transport
  let authorizer: Authorizer

  /// Creates a client, which must be shut down when it is no longer needed.
  public init(configuration: RegistryConfiguration = RegistryConfiguration()) {
    self.configuration = configuration
    transport = Transport(configuration)
    authorizer = Authorizer(transport)
  }

  /// A repository of a registry.
  /// - Throws: `OCIError.Code.invalidReference` when the host or the name is not valid.
  public func repository(host: String, name: String) throws -> RegistryRepository {
    repository(try ImageReference(host: host, repository: name))
  }

  /// The repository that a reference names; its tag and digest are not looked at.
  public func repository(_ reference: ImageReference) -> RegistryRepository {
    RegistryRepository(client: self, reference: reference)
  }

  /// Closes the connections. No request may follow.
  public func shutdown() async throws {
    try await transport.client.shutdown()
  }
}
