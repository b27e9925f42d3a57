import Foundation
import ImageAssembly
import LayerGraph
import OCICore
import OCITesting
import Registry
import SystemPackage
import Tarball
import Testing

/// A description is the whole image but its content, on any machine.
struct DescriptionTests {
  private func image(in directory: FilePath, cache: LayerDigestCache? = nil) async throws -> AssembledImage {
    let store = try await FakeStore(in: directory)
    var image = ClosureImage(store.graph, copyToRoot: [store.root], encoding: .gzip(level: 1), cache: cache)
    image.settings.runtime.labels = ["a": "b"]
    return try await image.assemble()
  }

  private func everything(in directory: FilePath) async throws -> AssembledImage {
    let tree = directory.appending("tree")
    _ = try FileSystem.createDirectories(tree)
    try await RandomTree(seed: 3).write(into: tree)
    _ = try await Tool.run("tar", ["-czf", "files.tgz", "tree"], in: directory)
    var recipe = try LayerRecipe([
      .init(tree, at: "/srv"), .init(archive: directory.appending("files.tgz"), at: "/archive"),
    ])
    .excluding([PathPattern("*.hidden")]).moving("/srv/random", to: "/moved")
    .changing(PathPattern("/srv/big*"), MetadataChange(fileMode: 0o600, uid: 7, paxRecords: ["V.x": [1]]))
    .merged(
      with: LayerRecipe(
        [],
        entries: [
          .init("/dev/null", .characterDevice(major: 1, minor: 3)), .init("/old", .whiteout),
          .init("/d", .opaqueDirectory),
          .init("/f", .file([0, 255]), extendedAttributes: ["user.a": [255]]), .init("/p", .fifo),
          .init("/l", .symlink(target: Array("f".utf8))), .init("/h", .hardLink(to: "/f")),
        ]), conflicts: .lastWins)
    recipe.metadata = MetadataPolicy(uid: 5, userName: "u", extendedAttributes: .portable)
    return try await ImageRecipe(
      layers: [
        LayerContent(recipe), LayerContent(LayerRecipe(verbatimTar: directory.appending("files.tgz"))),
        LayerContent(blob: directory.appending("files.tgz"), type: .layerTarGzip, annotations: ["x": "y"]),
      ], encoding: .zstd()
    ).assemble()
  }

  @Test func whatIsWrittenIsReadAgain() async throws {
    try await withTemporaryDirectory { directory in
      for image in [try await image(in: directory), try await everything(in: directory)] {
        let text = try image.description(in: directory).prettyText
        let read = try AssembledImage(description: Array(text.utf8), name: "image", in: directory)
        #expect(read.manifestBytes == image.manifestBytes)
        #expect(read.configurationBytes == image.configurationBytes)
        #expect(read.layers.map(\.descriptor) == image.layers.map(\.descriptor))
        #expect(read.layers.map(\.content.recipe) == image.layers.map(\.content.recipe))
        #expect(read.layers.map(\.content.planned) == image.layers.map(\.content.planned))
        #expect(try read.description(in: directory).prettyText == text)
        // And it can be pushed.
        let pushed = MemoryStore()
        try await read.push(to: pushed, tags: ["a"])
        #expect(try await pushed.resolve("a")?.digest == image.descriptor.digest)
      }
    }
  }

  @Test func anUnchangedImageIsPushedFromItsDescriptionByQuestionsAlone() async throws {
    try await withTemporaryDirectory { directory in
      let original = try await image(in: directory)
      let path = directory.appending("out/image.json")
      try await original.writeDescription(to: path)
      try await withTestRegistry { registry in
        try await original.push(to: registry.repository(), tags: ["1"])
        try FileManager.default.removeItem(atPath: directory.appending("store").string)
        let read = try AssembledImage(descriptionFile: path)
        let before = registry.server.requests.count
        let report = try await read.push(to: registry.repository(), tags: ["1", "2"])
        #expect(report.copiedBlobs == [])
        let requests = registry.server.requests.dropFirst(before)
        #expect(requests.allSatisfy { $0.method == "HEAD" || $0.method == "PUT" && $0.path.contains("/manifests/") })
      }
    }
  }

  @Test func aMissingBlobIsProducedWhenItIsAskedFor() async throws {
    try await withTemporaryDirectory { directory in
      let original = try await image(in: directory)
      let path = directory.appending("image.json")
      try await original.writeDescription(to: path)
      let read = try AssembledImage(descriptionFile: path)
      // A store that has all layers but one.
      let store = MemoryStore()
      for layer in original.layers.dropFirst() {
        try await store.push(layer.descriptor, from: original.content().source(of: layer.descriptor))
      }
      let kept = try #require(original.layers.first?.content.storePaths.first)
      for other in try FileManager.default.contentsOfDirectory(atPath: directory.appending("store").string)
      where !kept.hasSuffix(other) {
        try FileManager.default.removeItem(atPath: directory.appending("store/\(other)").string)
      }
      let report = try await read.push(to: store, tags: ["a"])
      #expect(report.copiedBlobs.map(\.digest).contains(original.layers[0].descriptor.digest))
    }
  }

  @Test func descriptionAndSourcesCanBeMovedTogether() async throws {
    try await withTemporaryDirectory { directory in
      let here = directory.appending("here")
      _ = try FileSystem.createDirectories(here.appending("out"))
      try FileSystem.replace(here.appending("file"), with: [1, 2, 3])
      let relative = FilePath(root: nil, Array(repeating: "..", count: 20) + here.components)
      var map = FileMap()
      map.add(relative.appending("file"), at: "/file")
      let image = try await ImageRecipe(layers: [LayerContent(try map.recipe())]).assemble()
      try await image.writeDescription(to: here.appending("out/image.json"))
      let text = String(decoding: try FileSystem.contents(of: here.appending("out/image.json")), as: UTF8.self)
      #expect(text.contains("\"../file\""))
      try FileManager.default.moveItem(atPath: here.string, toPath: directory.appending("there").string)
      let read = try AssembledImage(descriptionFile: directory.appending("there/out/image.json"))
      #expect(try await read.verify().allSatisfy(\.isSame))
    }
  }

  @Test(
    arguments: [
      (#""digest": "sha256:"#, #""digest": "sha256:0"#), (#""size": "#, #""size": 1"#), (#""a": "b""#, #""a": "c""#),
      (#"flywheel-image-1"#, "flywheel-image-9"), ("gzip/flywheel-2/zlib/1", "gzip/flywheel-9/zlib/1"),
      (#""storePaths""#, #""storePatsh""#), ("\n}", ""),
    ])
  func aDescriptionThatContradictsItselfIsRefused(part: String, other: String) async throws {
    try await withTemporaryDirectory { directory in
      let text = try await image(in: directory).description(in: directory).prettyText
      let range = try #require(text.range(of: part, options: .backwards))
      let changed = text.replacingCharacters(in: range, with: other)
      let error = try #require(throws: AssemblyError.self) {
        try AssembledImage(description: Array(changed.utf8), name: "changed.json", in: directory)
      }
      #expect(error.message.contains("changed.json"))
    }
  }

  @Test func anImpossibleNumberOfBaseLayersIsAnError() async throws {
    let text = try await smallImage().description(in: "").prettyText
    let changed = text.replacingOccurrences(
      of: #""metadata""#,
      with:
        #""base": {"name": "x", "root": "\#(Digest.of([]))", "manifest": "\#(Digest.of([]))", "layers": 9223372036854775807}, "metadata""#
    )
    #expect(throws: AssemblyError.self) { try AssembledImage(description: Array(changed.utf8), name: "i", in: "") }
  }

  private func smallImage() async throws -> AssembledImage {
    try await ImageRecipe(layers: [LayerContent(LayerRecipe([], entries: [.init("/a", .directory)]))]).assemble()
  }

  @Test func anyDamageToADescriptionIsAnErrorAndNothingWorse() async throws {
    try await withTemporaryDirectory { directory in
      let bytes = Array(try await everything(in: directory).description(in: directory).prettyText.utf8)
      var generator = SeededGenerator(seed: 9)
      for _ in 0..<300 {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(in: 0...127, using: &generator)
        }
        damaged = Array(damaged.prefix(Int.random(in: damaged.count / 2...damaged.count, using: &generator)))
        _ = try? AssembledImage(description: damaged, name: "damaged", in: directory)
      }
    }
  }

  @Test func aChangedFileIsNamedWhenItsLayerIsPushedOrVerified() async throws {
    try await withTemporaryDirectory { directory in
      let cache = LayerDigestCache(directory: directory.appending("cache"))
      let image = try await image(in: directory, cache: cache)
      let path = directory.appending("image.json")
      try await image.writeDescription(to: path)
      try FakeStore.write("key = other\n", to: directory.appending("store/cccc-root/etc/config"), mode: 0o644)
      let read = try AssembledImage(descriptionFile: path, cache: cache)
      let error = await #expect(throws: AssemblyError.self) { try await read.push(to: MemoryStore(), tags: []) }
      #expect(error?.code == .contentChanged)
      #expect(error?.message.contains("etc/config: mode 444 -> 644") == true, "\(error?.message ?? "")")
      let verdicts = try await read.verify()
      #expect(verdicts.count { !$0.isSame } == 2)
      let names = Set(verdicts.compactMap(\.changes).joined().map { String(decoding: $0.path, as: UTF8.self) })
      #expect(names.contains { $0.hasSuffix("cccc-root/etc/config") } && names.contains("etc/config"))
      #expect(names.count == 2)
    }
  }

  @Test func aDescriptionOfTwentyThousandFilesIsSmall() async throws {
    try await withTemporaryDirectory { directory in
      // In 400 store paths, as a large closure has.
      let paths = (0..<400).map {
        directory.appending("store/\(String(repeating: "a", count: 28))\($0 + 1000)-package-\($0)")
      }
      let script = "for path; do mkdir -p $path; (cd $path; for n in $(seq 50); do : > file-$n; done); done"
      try await Tool.run("sh", ["-c", script, "sh"] + paths.map(\.string), in: directory)
      let graph = try StoreGraph(
        nixJSON: Array(
          "[\(paths.map { #"{"path":"\#($0)","narSize":1000,"references":[]}"# }.joined(separator: ","))]".utf8),
        name: "graph")
      // Quick to plan, also without optimisation.
      var planning = PlanningOptions()
      planning.strategy = LargestFirst()
      let image = try await ClosureImage(graph, encoding: .none, planning: planning).assemble()
      #expect(try image.description(in: directory).prettyText.utf8.count < 1 << 20)
    }
  }
}
