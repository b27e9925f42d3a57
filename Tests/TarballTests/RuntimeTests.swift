import OCICore
import OCITesting
import SystemPackage
import Tarball
import Testing

/// What runtimes make of our layers, in every encoding.
struct RuntimeTests {
  @Test(
    .enabled("podman cannot unpack layers here", Podman.works),
    arguments: [
      .none, .gzip(level: 1), .gzip(level: 1, by: .libdeflate), .gzip(level: 1, by: .isal), .zstd(level: 1),
    ] as [LayerEncoding])
  func podmanUnpacksTheTree(encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      try await TestTree.random(91, at: directory.appending("tree"))
      // More than one frame, and a source that has blocks of its own.
      try TestTree.write(TestTree.bytes(6_000_000, seed: 2), to: directory.appending("large"))
      let recipe = LayerRecipe([
        .init(directory.appending("tree"), at: "/tree"), .init(directory.appending("large"), at: "/large"),
      ])
      try await TestTree.writeImage([(recipe, encoding)], to: directory.appending("image"))
      let pulled = try await Podman.run(["pull", "-q", "oci:image:t"], in: directory)
      let identifier = try #require(pulled.split(whereSeparator: \.isNewline).last.map(String.init))
      let mounted = try await Podman.run(["image", "mount", identifier], in: directory)
      let root = FilePath(try #require(mounted.split(whereSeparator: \.isNewline).last.map(String.init)))
      let source = try await TreeSnapshot(of: directory.appending("tree"))
      #expect(try await TreeSnapshot(of: root.appending("tree")).difference(from: source) == [])
      #expect(try TestTree.read(root.appending("large")) == TestTree.bytes(6_000_000, seed: 2))
      _ = try? await Podman.run(["image", "umount", "--all", "--force"], in: directory)
    }
  }

  @Test(
    .enabled(if: Tool.areInstalled("umoci")),
    arguments: [.none, .gzip(level: 1), .gzip(level: 1, by: .libdeflate), .gzip(level: 1, by: .isal)] as [LayerEncoding]
  )
  func umociUnpacksTheTree(encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      try await TestTree.random(92, at: directory.appending("tree"))
      let recipe = LayerRecipe([.init(directory.appending("tree"), at: "/tree")])
      try await TestTree.writeImage([(recipe, encoding)], to: directory.appending("image"))
      try await Tool.run("umoci", ["unpack", "--rootless", "--image", "image:t", "bundle"], in: directory)
      let source = try await TreeSnapshot(of: directory.appending("tree"))
      #expect(try await TreeSnapshot(of: directory.appending("bundle/rootfs/tree")).difference(from: source) == [])
    }
  }
}
