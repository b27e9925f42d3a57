import Foundation
import ImageAssembly
import LayerGraph
import OCICore
import OCITesting
import Synchronization
import SystemPackage
import Tarball
import Testing

/// A closure becomes an image: what is in it, and what it refuses.
struct ClosureImageTests {
  private func settings() throws -> ImageSettings {
    try ImageSettings(parsing: Array(#"{"entrypoint":["/bin/run"],"Env":["A=b"],"exposedPorts":{"80/tcp":{}}}"#.utf8))
  }

  @Test(arguments: [LayerEncoding.none, .gzip(level: 1)])
  func theImageIsValidByTheSpec(encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      let image = try await ClosureImage(
        store.graph, copyToRoot: [store.root], settings: settings(), encoding: encoding
      ).assemble()
      let layout = ImageLayoutStore(directory.appending("layout"))
      try await image.push(to: layout, tags: ["latest"])
      #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: layout) == [])
      #expect(image.layers.map(\.content.storePaths.count) == [1, 1, 1, 0])
      #expect(image.configuration.runtime.entrypoint == ["/bin/run"])
    }
  }

  @Test func equalTreesElsewhereGiveTheSameLayers() async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      let image = ClosureImage(store.graph, copyToRoot: [store.root], settings: try settings())
      let first = try await image.assemble()
      let second = try await image.assemble()
      #expect(first.manifestBytes == second.manifestBytes)
      // A copy has other inodes, times and directory order.
      let copy = directory.appending("copy")
      try await Tool.run("cp", ["-r", store.root.string, copy.string])
      var moved = image
      moved.copyToRoot = [copy]
      #expect(try await moved.assemble().descriptor == first.descriptor)
    }
  }

  @Test(arguments: [1, 2, 3, 4, 100]) func theBudgetCountsTheLayerOfTheRoot(budget: Int) async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      let image = try await ClosureImage(
        store.graph, copyToRoot: [store.root], maximumLayers: budget, encoding: .none
      ).assemble()
      #expect(image.layers.count == min(budget, 4))
      #expect(image.layers.flatMap(\.content.storePaths).sorted() == store.graph.nodes.map(\.path))
    }
  }

  @Test(
    .enabled(if: Tool.areInstalled("umoci", "skopeo")), arguments: [1, 3],
    [LayerEncoding.none, .gzip(level: 1)])
  func skopeoAndUmociReadTheLayout(budget: Int, encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory, seed: 7)
      let image = try await ClosureImage(
        store.graph, copyToRoot: [store.root], settings: settings(), maximumLayers: budget, encoding: encoding
      ).assemble()
      try await image.push(to: ImageLayoutStore(directory.appending("layout")), tags: ["1.0"])
      let inspected = try await Tool.run("skopeo", ["inspect", "oci:layout:1.0"], in: directory)
      #expect(inspected.contains("\"\(image.descriptor.digest)\""))
      try await Tool.run(
        "skopeo", ["--insecure-policy", "copy", "--preserve-digests", "oci:layout:1.0", "oci:copy:1.0"], in: directory)
      #expect(try await ImageLayoutStore(directory.appending("copy")).resolve("1.0")?.digest == image.descriptor.digest)
      try await Tool.run("umoci", ["unpack", "--image", "copy:1.0", "bundle"], in: directory)
      let rootFS = directory.appending("bundle/rootfs")
      for path in [store.application, store.library, store.root] {
        let unpacked = try await TreeSnapshot(of: rootFS.appending(path.components))
        #expect(try await unpacked.difference(from: TreeSnapshot(of: path)) == [])
      }
      #expect(try await TreeSnapshot(of: rootFS.appending("bin")) == TreeSnapshot(of: store.root.appending("bin")))
      #expect(try await TreeSnapshot(of: rootFS.appending("etc")) == TreeSnapshot(of: store.root.appending("etc")))
    }
  }

  // MARK: Platform

  @Test(arguments: [(62, "amd64"), (183, "arm64"), (243, "riscv64")])
  func thePlatformIsThatOfTheEntrypoint(machine: UInt8, architecture: String) async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      let elf: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, machine, 0] + [0, 0, 0, 0]
      try Data(elf).write(to: URL(fileURLWithPath: store.application.appending("bin/run").string))
      let image = ClosureImage(store.graph, copyToRoot: [store.root], settings: try settings(), encoding: .none)
      #expect(try await image.assemble().configuration.platform.architecture == architecture)
    }
  }

  @Test func theHostsOwnProgramsDoNotDecideThePlatform() async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      let elf: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 183, 0, 0, 0, 0, 0]
      let program = directory.appending("program")
      try Data(elf).write(to: URL(fileURLWithPath: program.string))
      try FileManager.default.createSymbolicLink(
        atPath: store.root.appending("bin/outside").string, withDestinationPath: program.string)
      var image = ClosureImage(store.graph, copyToRoot: [store.root], encoding: .none)
      image.settings.runtime.entrypoint = ["/bin/outside"]
      #expect(try await image.assemble().configuration.platform.architecture == "amd64")
    }
  }

  // MARK: Bad input

  @Test(arguments: ["file", "link", "store path"])
  func somethingAtTheRootThatWouldHideStorePathsIsRefused(kind: String) async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      let first = try #require(store.root.components.first)
      let place = store.root.appending(first).string
      switch kind {
      case "file": try FakeStore.write("", to: FilePath(place))
      case "link": try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: "/elsewhere")
      default:
        let path = store.root.appending(store.library.components).string
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      }
      for budget in [1, 5] {
        let image = ClosureImage(store.graph, copyToRoot: [store.root], maximumLayers: budget, encoding: .none)
        let error = await #expect(throws: TarballError.self) { _ = try await image.assemble() }
        #expect(error?.code == .conflict)
      }
    }
  }

  @Test func unknownConfigurationMembersAreWarnedAbout() async throws {
    try await withTemporaryDirectory { directory in
      let settings = try ImageSettings(parsing: Array(#"{"Entrypoit":["a"]}"#.utf8))
      let image = ClosureImage(try await FakeStore(in: directory).graph, settings: settings, encoding: .none)
      let warnings = Mutex<[String]>([])
      _ = try await image.assemble { if case .warning(let text) = $0 { warnings.withLock { $0.append(text) } } }
      #expect(warnings.withLock { $0 }.contains { $0.contains("config.Entrypoit") })
    }
  }

  @Test(arguments: ["created", "port", "environment", "nul"]) func settingsThatOtherToolsRefuseAreRefused(what: String)
    async throws
  {
    try await withTemporaryDirectory { directory in
      var image = ClosureImage(try await FakeStore(in: directory).graph, encoding: .none)
      switch what {
      case "created": image.settings.created = "yesterday"
      case "nul": image.settings.runtime.entrypoint = ["a\u{0}b"]
      case "port": image.settings.runtime.exposedPorts = ["foo bar"]
      default: image.settings.runtime.environment = ["novalue"]
      }
      #expect(await failure(of: image)?.code == .invalidSettings)
    }
  }

  @Test func aDamagedLayoutIsMendedByTheNextPush() async throws {
    try await withTemporaryDirectory { directory in
      let image = try await ClosureImage(try await FakeStore(in: directory).graph, encoding: .none).assemble()
      let layout = ImageLayoutStore(directory.appending("layout"))
      try await image.push(to: layout, tags: ["a"])
      for tag in ["a", "b"] {
        let blob = layout.path.appending("blobs/sha256").appending(image.layers[0].descriptor.digest.hex)
        try FileManager.default.removeItem(atPath: blob.string)
        let report = try await image.push(to: layout, tags: [tag])
        #expect(report.copiedBlobs == [image.layers[0].descriptor])
        #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: layout) == [])
      }
    }
  }

  private func failure(of image: ClosureImage) async -> AssemblyError? {
    await #expect(throws: AssemblyError.self) { _ = try await image.assemble() }
  }

  @Test func aMissingStorePathIsNamed() async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      try FileManager.default.removeItem(atPath: store.library.string)
      let error = await failure(of: ClosureImage(store.graph))
      #expect(error?.code == .storePathMissing)
      #expect(error?.message.contains(store.library.string) == true)
    }
  }

  @Test func anIncompleteClosureIsRefusedUnlessAllowed() async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      let graph = try StoreGraph([.init(path: store.root.string, size: 1, references: [store.library.string])])
      var image = ClosureImage(graph, encoding: .none)
      let error = await failure(of: image)
      #expect(error?.code == .incompleteClosure)
      #expect(error?.message.contains(store.library.string) == true)
      image.allowsOutsideReferences = true
      #expect(try await image.assemble().layers.count == 1)
    }
  }

  @Test func contentThatChangesBeforeThePushIsNotPushed() async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      let image = try await ClosureImage(store.graph, encoding: .none).assemble()
      try FakeStore.write("#!/bin/no\n", to: store.application.appending("bin/run"), mode: 0o555)
      let layout = directory.appending("layout")
      let error = await #expect(throws: AssemblyError.self) {
        try await image.push(to: ImageLayoutStore(layout), tags: ["latest"])
      }
      #expect(error?.code == .contentChanged)
      #expect(error?.message.contains(store.application.string) == true)
      #expect(!FileManager.default.fileExists(atPath: layout.string))
    }
  }
}
