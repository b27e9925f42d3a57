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

  @Test(
    .enabled(if: Tool.areInstalled("docker-registry")), .enabled("podman cannot unpack layers here", Podman.works))
  func podmanPullsWhatWePushAndWePullWhatItPushes() async throws {
    try await withTemporaryDirectory { directory in
      try Data("content".utf8).write(to: URL(fileURLWithPath: directory.appending("file").string))
      try await Tool.run("tar", ["-cf", "layer.tar", "file"], in: directory)
      try await Podman.run(["import", "-q", "layer.tar", "localhost/made:1"], in: directory)
      try await withTestRegistry { own in
        try await withDockerRegistry { host in
          // Podman to Docker's registry, that to ours by us, and from ours to podman again.
          try await Podman.run(
            ["push", "-q", "--tls-verify=false", "localhost/made:1", "\(host)/team/made:1"], in: directory)
          let theirs = try own.client.repository(host: host, name: "team/made")
          let root = try #require(try await theirs.resolve("1"))
          try await copy(root, from: theirs, to: own.repository("team/made"), tags: ["2"])
          try await Podman.run(["rmi", "-af"], in: directory)
          let name = "\(own.server.address)/team/made:2"
          try await Podman.run(["pull", "-q", "--tls-verify=false", name], in: directory)
          let digests = try await Podman.run(["image", "inspect", "--format", "{{.Digest}}", name], in: directory)
          #expect(digests.contains("\(root.digest)"))
        }
      }
    }
  }
}
