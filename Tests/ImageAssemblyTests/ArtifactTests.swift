import Foundation
import ImageAssembly
import LayerGraph
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

/// What lies beside images: lists of software, provenance, files.
struct ArtifactTests {
  private static let base32 = "0123456789abcdfghijklmnpqrsvwxyz"

  private func image(in directory: FilePath) async throws -> (image: AssembledImage, graph: StoreGraph) {
    let store = try await FakeStore(in: directory)
    return (try await ClosureImage(store.graph, copyToRoot: [store.root], encoding: .none).assemble(), store.graph)
  }

  @Test func bothListsNamePathsVersionsHashesReferencesAndLayers() async throws {
    try await withTemporaryDirectory { directory in
      let (image, graph) = try await image(in: directory)
      let hashes = NarHashes(
        Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.path, "sha256:\(Digest.of(Array($0.path.utf8)).hex)") }))
      let list = SoftwareList(image, name: "app", graph: graph, hashes: hashes)
      #expect(list.packages.map(\.name) == ["application", "library", "root"])
      let spdx = try #require(list.spdx.objectValue)
      let packages = try #require(spdx["packages"]?.arrayValue)
      #expect(packages.count == 4)
      let application = try #require(packages.first { $0.objectValue?["name"] == "application" }?.objectValue)
      #expect(application["checksums"]?.arrayValue?.count == 1)
      #expect(application["comment"]?.stringValue == "in layer \(list.packages[0].layer)")
      let relationships = try #require(spdx["relationships"]?.arrayValue).compactMap {
        $0.objectValue?["relationshipType"]?.stringValue
      }
      #expect(relationships.count { $0 == "CONTAINS" } == 3 && relationships.count { $0 == "DEPENDS_ON" } == 2)
      let components = try #require(list.cycloneDX.objectValue?["components"]?.arrayValue)
      #expect(components.count == 3)
      // Equal images give equal lists.
      #expect(
        SoftwareList(image, name: "app", graph: graph, hashes: hashes).spdx.canonicalBytes == list.spdx.canonicalBytes)
      let provenance = Provenance(image, name: "app", hashes: hashes).json
      let subject = provenance.objectValue?["subject"]?.arrayValue?.first?.objectValue?["digest"]?.objectValue?[
        "sha256"]
      #expect(subject?.stringValue == image.descriptor.digest.hex)
    }
  }

  @Test(
    arguments: [
      ("/nix/store/0c0d0f0g0h0i0j0k0l0m0n0p0q0r0s0v-glibc-2.38-44", "glibc", "2.38-44"),
      ("/nix/store/0c0d0f0g0h0i0j0k0l0m0n0p0q0r0s0v-attic-server", "attic-server", nil),
      ("/nix/store/0c0d0f0g0h0i0j0k0l0m0n0p0q0r0s0v-python3.11-pip-23.1-doc", "python3.11-pip", "23.1-doc"),
    ] as [(String, String, String?)])
  func namesAndVersionsAreDividedAsNixDividesThem(path: String, name: String, version: String?) async throws {
    let graph = try StoreGraph([.init(path: path, size: 1)])
    let layer = LayerContent(LayerRecipeOfNothing.recipe, storePaths: [path])
    let image = try await ImageRecipe(layers: [layer]).assemble()
    let package = try #require(SoftwareList(image, name: "i", graph: graph).packages.first)
    #expect(package.name == name && package.version == version)
  }

  @Test(.enabled(if: Tool.areInstalled("nix-hash"))) func hashesAreReadInAllOfNixsWays() async throws {
    for text in ["", "a", "hello world"] {
      let hex = Digest.of(Array(text.utf8)).hex
      let base32 = try await Tool.run("nix-hash", ["--type", "sha256", "--to-base32", hex])
        .trimmingCharacters(in: .whitespacesAndNewlines)
      for form in ["sha256:\(hex)", "sha256:\(base32)"] {
        let path = "/nix/store/0c0d0f0g0h0i0j0k0l0m0n0p0q0r0s0v-x-1"
        let image = try await ImageRecipe(layers: [LayerContent(LayerRecipeOfNothing.recipe, storePaths: [path])])
          .assemble()
        let list = SoftwareList(image, name: "i", hashes: NarHashes([path: form]))
        #expect(list.packages.first?.narSHA256 == hex, "\(form)")
      }
    }
  }

  @Test(arguments: [false, true]) func documentsArePushedAsReferrersAlsoWhereThereIsNoAPI(hasAPI: Bool) async throws {
    try await withTemporaryDirectory { directory in
      let (image, graph) = try await image(in: directory)
      var manners = RegistryManners()
      manners.referrers = hasAPI ? .obey : .decline
      try await withTestRegistry(manners: manners) { registry in
        let repository = try registry.repository()
        try await image.push(to: repository, tags: ["1"])
        let list = SoftwareList(image, name: "app", graph: graph)
        let file = Artifact.File(
          list.spdx.canonicalBytes, name: "sbom.spdx.json", type: try MediaType(SoftwareList.spdxType))
        let artifact = Artifact([file], type: try MediaType(SoftwareList.spdxType), subject: image.descriptor)
        try await copy(artifact.descriptor, from: artifact.content, to: repository, tags: [])
        let found = try await repository.referrers(
          of: image.descriptor, artifactType: try MediaType(SoftwareList.spdxType))
        #expect(found.map(\.digest) == [artifact.descriptor.digest])
        let read = try await Document<ImageManifest>(fetching: artifact.descriptor, from: repository).value
        #expect(read.subject?.digest == image.descriptor.digest)
        let bytes = try await repository.fetch(read.layers[0]).collect(upTo: 1 << 20)
        #expect(bytes == list.spdx.canonicalBytes)
      }
    }
  }

  @Test func filesOfTheHostBecomeAnArtifactOfTheirOwn() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("report.json")
      try FileSystem.replace(path, with: Array("{}\n".utf8))
      let file = try await Artifact.File(path, type: MediaType("application/json"))
      let artifact = Artifact([file], type: try MediaType("application/vnd.example.report"))
      let store = MemoryStore()
      try await copy(artifact.descriptor, from: artifact.content, to: store, tags: ["report"])
      let manifest = try await Document<ImageManifest>(fetching: artifact.descriptor, from: store).value
      #expect(manifest.artifactType?.text == "application/vnd.example.report")
      #expect(manifest.layers[0].annotations[AnnotationKey.title] == "report.json")
      #expect(manifest.config.mediaType == .empty)
      let nothing = Artifact([], type: try MediaType("application/vnd.example.mark"))
      try await copy(nothing.descriptor, from: nothing.content, to: store, tags: [])
      #expect(nothing.manifest.layers == [.empty])
    }
  }
}

private enum LayerRecipeOfNothing {
  static let recipe = LayerRecipe([], entries: [.init("/empty", .directory)])
}
