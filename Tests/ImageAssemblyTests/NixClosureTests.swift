import Foundation
import ImageAssembly
import LayerGraph
import OCICore
import OCITesting
import SystemPackage
import Tarball
import Testing

/// The real thing: a closure built by Nix, with references, links between paths, odd and long names, and a setuid
/// attempt. Runs where Nix is installed and its store may be written to.
@Suite(.serialized, .enabled(if: Tool.areInstalled("nix-store", "nix-build", "nix") && getuid() == 0))
struct NixClosureTests {
  /// The example's root path, and its closure in the shapes that Nix prints.
  private func closure(in directory: FilePath) async throws -> FilePath {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Scripts/make-closure").path
    let result = try await Tool.result(of: script, [directory.string])
    #expect(result.status == 0, "\(result.errors)")
    return FilePath(result.output.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  @Test func everyWayToGiveTheClosureGivesTheSameImage() async throws {
    try await withTemporaryDirectory { directory in
      let root = try await closure(in: directory)
      let graphs = [
        try StoreGraph(nixJSONFile: directory.appending("path-info.json")),
        try StoreGraph(nixJSONFile: directory.appending("graph.json")),
        try await NixStore().closure(of: [root]),
      ]
      #expect(graphs[0] == graphs[1])
      #expect(graphs[0] == graphs[2])
      #expect(graphs[0].nodes.count == 5)
      #expect(graphs[0].outsideReferences.isEmpty)
    }
  }

  @Test func aPathThatNixDoesNotKnowIsMissing() async throws {
    let error = await #expect(throws: AssemblyError.self) {
      try await NixStore().closure(of: ["/nix/store/00000000000000000000000000000000-nothing"])
    }
    #expect(error?.code == .storePathMissing)
  }

  @Test func aMachineWithoutNixIsTold() async throws {
    let error = await #expect(throws: AssemblyError.self) {
      try await NixStore(program: "no-such-nix-store").closure(of: ["/nix/store/x"])
    }
    #expect(error?.code == .nixUnavailable)
  }

  @Test(.enabled(if: Tool.areInstalled("umoci", "tar", "bsdtar", "gzip")), arguments: [LayerEncoding.none, .gzip()])
  func theUnpackedImageIsTheStore(encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      let root = try await closure(in: directory)
      let graph = try StoreGraph(nixJSONFile: directory.appending("graph.json"))
      let image = try await ClosureImage(graph, copyToRoot: [root], maximumLayers: 4, encoding: encoding).assemble()
      let layout = directory.appending("layout")
      try await image.push(to: ImageLayoutStore(layout), tags: ["latest"])
      #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: ImageLayoutStore(layout)) == [])
      for layer in image.layers {
        let blob = layout.appending("blobs/sha256").appending(layer.descriptor.digest.hex)
        for program in ["tar", "bsdtar"] {
          let listed = try await Tool.result(of: program, ["-tvf", blob.string], environment: ["LC_ALL": "C.UTF-8"])
          #expect(listed.status == 0)
          #expect(listed.errors == "")
        }
      }
      try await Tool.run("umoci", ["unpack", "--image", "layout:latest", "bundle"], in: directory)
      let rootFS = directory.appending("bundle/rootfs")
      for node in graph.nodes {
        let path = FilePath(node.path)
        #expect(
          try await TreeSnapshot(of: rootFS.appending(path.components)).difference(from: TreeSnapshot(of: path)) == [])
      }
      for name in ["bin", "etc", "share"] {
        #expect(try await TreeSnapshot(of: rootFS.appending(name)) == TreeSnapshot(of: root.appending(name)))
      }
    }
  }

  @Test func aStorePathAtTheRootMustBeInTheClosure() async throws {
    try await withTemporaryDirectory { directory in
      let root = try await closure(in: directory)
      let all = try StoreGraph(nixJSONFile: directory.appending("graph.json"))
      let graph = try StoreGraph(all.nodes.filter { $0.path != root.string })
      var image = ClosureImage(graph, copyToRoot: [root], encoding: .none)
      let error = await #expect(throws: AssemblyError.self) { _ = try await image.assemble() }
      #expect(error?.code == .incompleteClosure)
      image.allowsOutsideReferences = true
      #expect(try await image.assemble().layers.count == 5)
    }
  }

  @Test func knownLayersAreNotReadAgain() async throws {
    try await withTemporaryDirectory { directory in
      let root = try await closure(in: directory)
      let graph = try StoreGraph(nixJSONFile: directory.appending("graph.json"))
      let fresh = try await ClosureImage(graph, copyToRoot: [root]).assemble()
      let cache = LayerDigestCache(directory: directory.appending("cache"))
      let image = ClosureImage(graph, copyToRoot: [root], cache: cache)
      #expect(try await image.assemble().descriptor == fresh.descriptor)
      let files = try FileManager.default.contentsOfDirectory(atPath: directory.appending("cache").string)
      #expect(files.count { $0.hasPrefix("listing-") } == 6)
      let entries = files.filter { $0.hasPrefix("layer-") }
      #expect(entries.count == 6)
      // An entry that says something else is believed: nothing was read.
      let entry = directory.appending("cache").appending(entries[0])
      let saved = FileManager.default.contents(atPath: entry.string).map { String(decoding: $0, as: UTF8.self) }
      let poisoned = try #require(saved).replacing(#/"size":[0-9]+/#, with: #""size":12345"#)
      try FakeStore.write(poisoned, to: entry)
      #expect(try await image.assemble().layers.contains { $0.descriptor.size == 12345 })
      // Unless everything is to be verified; what was found is remembered then.
      var verified = image
      verified.verifiesCache = true
      let found = await #expect(throws: AssemblyError.self) { try await verified.assemble() }
      #expect(found?.code == .contentChanged)
      #expect(try await verified.assemble().descriptor == fresh.descriptor)
      try FakeStore.write(poisoned, to: entry)
      // A push finds out, and forgets it.
      let error = await #expect(throws: AssemblyError.self) {
        try await image.assemble().push(to: ImageLayoutStore(directory.appending("layout")), tags: ["a"])
      }
      #expect(error?.code == .contentChanged)
      #expect(try await image.assemble().descriptor == fresh.descriptor)
      // A damaged entry counts as absent.
      try FakeStore.write("{", to: directory.appending("cache").appending(entries[0]))
      #expect(try await image.assemble().descriptor == fresh.descriptor)
    }
  }
}
