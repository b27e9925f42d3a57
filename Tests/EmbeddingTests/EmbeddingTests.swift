import ImageAssembly
import LayerGraph
import OCICore
import OCITesting
import Registry
import SystemPackage
import Testing

/// What another package does with the products: the main job, in the fewest lines.
struct EmbeddingTests {
  @Test func aClosureBecomesAnImageInALayoutAndInARegistry() async throws {
    try await withTemporaryDirectory { directory in
      try await RandomTree(seed: 1).write(into: directory)
      let closure = #"[{"path":"\#(directory)","narSize":1,"references":[]}]"#
      try await withTestRegistry { server in
        let layout = directory.removingLastComponent().appending("layout-of-" + (directory.lastComponent?.string ?? ""))
        // The main job.
        let graph = try StoreGraph(nixJSON: Array(closure.utf8), name: "closure")
        var settings = ImageSettings()
        settings.runtime.entrypoint = ["/bin/server"]
        let image = try await ClosureImage(graph, copyToRoot: [directory], settings: settings).assemble()
        try await image.push(to: ImageLayoutStore(layout), tags: ["latest"])
        let client = RegistryClient()
        let repository = client.repository(try ImageReference("\(server.server.address)/team/app"))
        try await image.push(to: repository, tags: ["1.0", "latest"])
        try await client.shutdown()
        // Done.
        #expect(try await server.repository().resolve("1.0")?.digest == image.descriptor.digest)
        #expect(try await ImageLayoutStore(layout).resolve("latest")?.digest == image.descriptor.digest)
        try await Tool.run("rm", ["-rf", layout.string])
      }
    }
  }
}
