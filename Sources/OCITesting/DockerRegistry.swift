internal import OCICore
internal import Registry
public import SystemPackage

/// Runs a test against Docker's registry (Debian's `docker-registry`), its files in a temporary directory.
/// - Parameters:
///   - hasRelativeLocations: Whether it sends upload locations without a host.
///   - certificate: PEM files with the certificate and the key to speak TLS with.
///   - isProtected: Whether it wants the password `p:w` of `alice`.
///   - parent: Where it keeps its files; by default where temporary files are.
///   - body: Gets the address, `127.0.0.1:PORT`.
/// - Throws: `Tool.Failure` when it does not start, or what `body` throws.
@discardableResult
public func withDockerRegistry<Result>(
  hasRelativeLocations: Bool = false, certificate: (certificate: FilePath, key: FilePath)? = nil,
  isProtected: Bool = false, in parent: FilePath? = nil, _ body: (String) async throws -> Result
) async throws -> Result {
  try await withTemporaryDirectory(in: parent) { directory in
    for _ in 0..<5 {
      // Below the ports that the system gives to others.
      let host = "127.0.0.1:\(Int.random(in: 20_000..<32_000))"
      let tls = certificate.map { ", tls: {certificate: \($0.certificate), key: \($0.key)}" } ?? ""
      let auth = isProtected ? "auth: {htpasswd: {realm: test, path: \(directory)/passwords}}" : ""
      let settings = """
        version: 0.1
        log: {level: error}
        storage: {filesystem: {rootdirectory: \(directory)/data}, delete: {enabled: true}}
        http: {addr: "\(host)", secret: loopback, relativeurls: \(hasRelativeLocations)\(tls)}
        \(auth)
        """
      try FileSystem.replace(directory.appending("registry.yml"), with: Array(settings.utf8))
      // Of bcrypt's cheapest kind.
      let password = "alice:$2b$04$NhraEvHH6tBVOzibp21n3uEf/yNuWA5TK8i5UtiCGLmR/kXNqJ6Fu\n"
      try FileSystem.replace(directory.appending("passwords"), with: Array(password.utf8))
      let process = try Tool.start("docker-registry", ["serve", "registry.yml"], in: directory)
      defer { process.stop() }
      guard try await isReady(host, process, isSecure: certificate != nil) else { continue }
      return try await body(host)
    }
    throw Tool.Failure(description: "docker-registry does not start")
  }
}

private func isReady(_ host: String, _ process: Tool.Running, isSecure: Bool) async throws -> Bool {
  var configuration = RegistryConfiguration()
  configuration.secureHosts = isSecure ? [host] : []
  configuration.unverifiedHosts = [host]
  configuration.maximumAttempts = 1
  let client = RegistryClient(configuration: configuration)
  let repository = try client.repository(host: host, name: "ready")
  var isReady = false
  for _ in 0..<200 where process.isRunning && !isReady {
    do {
      _ = try await repository.exists(SampleImage(seed: 0).manifest)
      isReady = true
    } catch let error as RegistryError {
      isReady = error.code == .unauthorized
    }
    if !isReady { try await Task.sleep(for: .milliseconds(50)) }
  }
  try await client.shutdown()
  return isReady
}
