import Foundation
import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// Other people's registry with our client, and other people's client with our registry.
struct ForeignTests {
  @Test(.enabled(if: Tool.path("docker-registry") != nil), arguments: [false, true])
  func dockerRegistryIsATagStore(hasRelativeLocations: Bool) async throws {
    try await withDockerRegistry(hasRelativeLocations: hasRelativeLocations) { host in
      let client = RegistryClient()
      do {
        let repository = try client.repository(host: host, name: "team/app")
        try await TagStoreConformance.check(repository)
      } catch {
        try? await client.shutdown()
        throw error
      }
      try await client.shutdown()
    }
  }

  /// Runs Docker's registry with its files in a temporary directory.
  private func withDockerRegistry(hasRelativeLocations: Bool, _ body: (String) async throws -> Void) async throws {
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
        try settings.write(toFile: directory.appending("registry.yml").string, atomically: true, encoding: .utf8)
        let process = try Tool.start("docker-registry", ["serve", "registry.yml"], in: directory)
        defer {
          process.terminate()
          process.waitUntilExit()
        }
        guard try await isReady(host, process) else { continue }
        return try await body(host)
      }
      Issue.record("docker-registry does not start")
    }
  }

  private func isReady(_ host: String, _ process: Process) async throws -> Bool {
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

  @Test(.enabled(if: Tool.path("skopeo") != nil)) func skopeoPushesInspectsAndPulls() async throws {
    try await withTemporaryDirectory { directory in
      let source = ImageLayoutStore(directory.appending("source"))
      let image = SampleImage(seed: 1, layerSizes: [10_000, 3 << 20])
      try await image.push(to: source, tags: ["1.0"])
      try await withTestRegistry { registry in
        let remote = "docker://\(registry.server.address)/team/app:1.0"
        try await Tool.run(
          "skopeo",
          ["--insecure-policy", "copy", "--dest-tls-verify=false", "--preserve-digests", "oci:source:1.0", remote],
          in: directory)
        #expect(try await registry.repository().resolve("1.0") == image.manifest)
        let inspected = try await Tool.run("skopeo", ["inspect", "--tls-verify=false", remote], in: directory)
        #expect(inspected.contains("\"Digest\": \"\(image.manifest.digest)\""))
        #expect(inspected.contains("\"RepoTags\": [\n        \"1.0\"\n    ]"))
        try await Tool.run(
          "skopeo",
          ["--insecure-policy", "copy", "--src-tls-verify=false", "--preserve-digests", remote, "oci:pulled:2.0"],
          in: directory)
        let pulled = ImageLayoutStore(directory.appending("pulled"))
        #expect(try await pulled.resolve("2.0")?.digest == image.manifest.digest)
        #expect(registry.server.openUploads == 0)
      }
    }
  }

  @Test(.enabled(if: Tool.path("skopeo") != nil)) func skopeoPullsFromALayoutMadeElsewhere() async throws {
    try await withTemporaryDirectory { directory in
      let image = SampleImage(seed: 2)
      try await image.push(to: ImageLayoutStore(directory.appending("source")), tags: ["1.0"])
      let server = try await RegistryServer.start(layout: directory.appending("source"))
      let remote = "docker://\(server.address)/any/name:1.0"
      let text = try await Tool.run("skopeo", ["inspect", "--tls-verify=false", remote], in: directory)
      #expect(text.contains("\(image.manifest.digest)"))
      await server.shutdown()
    }
  }
}
