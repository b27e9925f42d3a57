internal import OCICore
internal import Registry
internal import SystemPackage

/// Runs a test against Docker's registry (Debian's `docker-registry`), its files in a temporary directory.
/// - Parameter body: Gets the address, `127.0.0.1:PORT`.
/// - Throws: `Tool.Failure` when it does not start, or what `body` throws.
@discardableResult
public func withDockerRegistry<Result>(
  hasRelativeLocations: Bool = false, _ body: (String) async throws -> Result
) async throws -> Result {
  try await withTemporaryDirectory { directory in
    for _ in 0..<5 {
      // Below the ports that the system gives to others.
      let host = "127.0.0.1:\(Int.random(in: 20_000..<32_000))"
      let settings = """
        version: 0.1
        log: {level: error}
        storage: {filesystem: {rootdirectory: \(directory)/data}, delete: {enabled: true}}
        http: {addr: "\(host)", secret: loopback, relativeurls: \(hasRelativeLocations)}
        """
      try FileSystem.replace(directory.appending("registry.yml"), with: Array(settings.utf8))
      let process = try Tool.start("docker-registry", ["serve", "registry.yml"], in: directory)
      defer { process.stop() }
      guard try await isReady(host, process) else { continue }
      return try await body(host)
    }
    throw Tool.Failure(description: "docker-registry does not start")
  }
}

private func isReady(_ host: String, _ process: Tool.Running) async throws -> Bool {
  var configuration = RegistryConfiguration()
  configuration.maximumAttempts = 1
  let client = RegistryClient(configuration: configuration)
  let repository = try client.repository(host: host, name: "ready")
  var isReady = false
  for _ in 0..<200 where process.isRunning && !isReady {
    isReady = (try? await repository.exists(SampleImage(seed: 0).manifest)) != nil
    if !isReady { try await Task.sleep(for: .milliseconds(50)) }
  }
  try await client.shutdown()
  return isReady
}
