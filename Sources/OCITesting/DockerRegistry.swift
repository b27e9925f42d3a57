internal import OCICore
internal import Registry
internal import SystemPackage

/// Runs a test against Docker's registry (Debian's `docker-registry`), its files in a temporary directory.
/// - Parameter body: Gets the address, `127.0.0.1:PORT`.
@discardableResult
public func withDockerRegistry<Result>(
  hasRelativeLocations: Bool = false, _ body: (String) async throws -> Result
) async throws -> Result {
  try await withTemporaryDirectory { directory in
    // A port that was free a moment ago.
    let probe = try await RegistryServer.start(layout: directory.appending("unused"))
    let host = probe.address
    await probe.shutdown()
    let settings = """
      version: 0.1
      log: {level: error}
      storage: {filesystem: {rootdirectory: \(directory)/data}, delete: {enabled: true}}
      http: {addr: "\(host)", secret: loopback, relativeurls: \(hasRelativeLocations)}
      """
    try FileSystem.replace(directory.appending("registry.yml"), with: Array(settings.utf8))
    let process = try Tool.start("docker-registry", ["serve", "registry.yml"], in: directory)
    defer { process.stop() }
    let client = RegistryClient()
    let repository = try client.repository(host: host, name: "ready")
    for _ in 0..<100 where process.isRunning {
      if (try? await repository.resolve("none")) != nil { break }
      if let isThere = try? await repository.exists(SampleImage(seed: 0).manifest), !isThere { break }
      try await Task.sleep(for: .milliseconds(50))
    }
    try await client.shutdown()
    return try await body(host)
  }
}
