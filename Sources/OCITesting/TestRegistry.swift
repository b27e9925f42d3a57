public import OCICore
public import Registry
internal import SystemPackage

/// A registry in this process, over a temporary layout, and a client for it.
public struct TestRegistry: Sendable {
  /// The server: its faults, and the requests that it got.
  public let server: RegistryServer
  /// The layout that it serves.
  public let layout: ImageLayoutStore
  /// A client.
  public let client: RegistryClient

  /// One of the registry's repositories, as the client sees it.
  public func repository(_ name: String = "team/app") throws -> RegistryRepository {
    try client.repository(host: server.address, name: name)
  }

  /// How often a request came whose method is `method` and whose path has `path` in it.
  public func count(_ method: String, _ path: String = "") -> Int {
    server.requests.count { $0.method == method && $0.path.contains(path) }
  }
}

/// Runs a test against a registry of its own.
/// - Parameters:
///   - faults: How the registry fails.
///   - manners: The registry's ways, e.g. `RegistryManners.imitating("GitLab")`.
///   - configuration: How the client talks to it.
///   - body: Gets the registry, which ends afterwards.
@discardableResult
public func withTestRegistry<Result>(
  faults: RegistryFaults = RegistryFaults(), manners: RegistryManners = RegistryManners(),
  configuration: RegistryConfiguration = RegistryConfiguration(), _ body: (TestRegistry) async throws -> Result
) async throws -> Result {
  try await withTemporaryDirectory { directory in
    let path = directory.appending("layout")
    let server = try await RegistryServer.start(layout: path, manners: manners, faults: faults)
    let client = RegistryClient(configuration: configuration)
    let registry = TestRegistry(server: server, layout: ImageLayoutStore(path), client: client)
    do {
      let result = try await body(registry)
      try await client.shutdown()
      await server.shutdown()
      return result
    } catch {
      try? await client.shutdown()
      await server.shutdown()
      throw error
    }
  }
}
