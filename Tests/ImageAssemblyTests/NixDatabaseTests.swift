import Foundation
import ImageAssembly
import LayerGraph
import OCICore
import OCITesting
import SystemPackage
import Testing

/// The database from which Nix in an image knows its store paths.
struct NixDatabaseTests {
  private func path(_ number: Int) -> String {
    "/nix/store/\(String(repeating: "a", count: 28))\(String(10_000 + number).dropFirst())-p"
  }

  private func nodes(_ count: Int) -> [StoreGraph.Node] {
    (0..<count).map { number in
      StoreGraph.Node(
        path: path(number), size: Int64(number) * 1000,
        references: (0...8).map { number - $0 * $0 }.filter { $0 >= 0 }.map(path))
    }
  }

  private func hashes(_ nodes: [StoreGraph.Node]) -> NarHashes {
    NarHashes(
      Dictionary(uniqueKeysWithValues: nodes.map { ($0.path, Digest.of(Array($0.path.utf8)).description) }))
  }

  private func bytes(_ path: FilePath) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path.string)))
  }

  @Test func theSamePathsGiveTheSameBytesInWhateverOrder() async throws {
    try await withTemporaryDirectory { directory in
      let nodes = nodes(300)
      let hashes = hashes(nodes)
      var generator = SeededGenerator(seed: 1)
      try NixDatabase(graph: StoreGraph(nodes), hashes: hashes).write(to: directory.appending("a"))
      try NixDatabase(graph: StoreGraph(nodes.shuffled(using: &generator)), hashes: hashes)
        .write(to: directory.appending("b"))
      let snapshot = try await TreeSnapshot(of: directory.appending("a"))
      #expect(try await TreeSnapshot(of: directory.appending("b")).difference(from: snapshot) == [])
      let file = try bytes(directory.appending("a").appending("nix/var/nix/db/db.sqlite"))
      // No write-ahead log, no count of changes, no version of the library: these bytes on every machine, tried with 3.40 to 3.54.
      #expect(file[18...19] == [1, 1])
      #expect(file[24..<28] == [0, 0, 0, 1] && file[24..<28].elementsEqual(file[92..<96]))
      #expect(file.count % 4096 == 0)
      #expect(Digest.of(file).description == "sha256:d6237ccb39cb26c0101e4aa42b466a640fa5b72ecf8031933588bdb38caaa997")
    }
  }

  @Test func aSystemOfThousandsOfPathsIsWrittenInOneGo() async throws {
    try await withTemporaryDirectory { directory in
      let nodes = nodes(2000)
      let database = try NixDatabase(graph: StoreGraph(nodes), hashes: hashes(nodes))
      let time = try ContinuousClock().measure { try database.write(to: directory) }
      // A tenth of it without optimisation, on an idle machine.
      #expect(time < .seconds(10))
    }
  }

  @Test func filesHaveOrdinaryModesWhateverTheUmask() async throws {
    try await withTemporaryDirectory { directory in
      let nodes = nodes(3)
      let database = try NixDatabase(graph: StoreGraph(nodes), hashes: hashes(nodes))
      try database.write(to: directory)
      let manager = FileManager.default
      let state = directory.appending("nix/var/nix")
      func mode(_ name: String) throws -> Int? {
        try manager.attributesOfItem(atPath: state.string + name)[.posixPermissions] as? Int
      }
      #expect(try mode("/db/db.sqlite") == 0o644)
      #expect(try mode("/db/schema") == 0o644)
      #expect(try mode("/db") == 0o755)
      #expect(try manager.contentsOfDirectory(atPath: state.string + "/db").sorted() == ["db.sqlite", "schema"])
      #expect(try bytes(state.appending("db/schema")) == Array("10".utf8))
      #expect(try manager.contentsOfDirectory(atPath: directory.string + "/nix/store/.links") == [])
      let link = state.string + "/gcroots/docker/" + path(1).dropFirst("/nix/store/".count)
      #expect(try manager.destinationOfSymbolicLink(atPath: link) == path(1))
      // What is there is not changed.
      let error = #expect(throws: OCIError.self) { try database.write(to: directory) }
      #expect(error?.code == .ioFailure)
    }
  }

  @Test func whatNixCouldNotUseIsRefusedByName() throws {
    let nodes = nodes(3)
    var hashes = hashes(nodes)
    hashes.hashes[path(1)] = nil
    var error = #expect(throws: AssemblyError.self) { try NixDatabase(graph: StoreGraph(nodes), hashes: hashes) }
    #expect(error?.code == .invalidClosure)
    #expect(error?.message.contains(path(1)) == true)
    error = #expect(throws: AssemblyError.self) {
      try NixDatabase(graph: StoreGraph(nodes.dropFirst()), hashes: self.hashes(nodes))
    }
    #expect(error?.code == .incompleteClosure)
    let elsewhere = [StoreGraph.Node(path: "/opt/a", size: 1)]
    error = #expect(throws: AssemblyError.self) {
      try NixDatabase(graph: StoreGraph(elsewhere), hashes: self.hashes(elsewhere))
    }
    #expect(error?.message.contains("/opt/a") == true)
  }

  /// Nix itself, on copies of the example closure under another root.
  @Test(.enabled(if: Tool.areInstalled("nix-store", "nix-build", "nix") && getuid() == 0))
  func nixTakesTheClosureForItsOwn() async throws {
    try await withTemporaryDirectory { directory in
      let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Scripts/make-closure").path
      let made = try await Tool.run(script, [directory.string])
      let graph = try StoreGraph(nixJSONFile: directory.appending("path-info.json"))
      let image = directory.appending("image")
      try NixDatabase(graph: graph, hashes: NarHashes(nixJSONFile: directory.appending("path-info.json")))
        .write(to: image)
      for node in graph.nodes {
        try await Tool.run("cp", ["-a", node.path, image.appending("nix/store").string])
      }
      func ask(_ arguments: String...) async throws -> Tool.Result {
        try await Tool.result(
          of: "nix-store", arguments,
          environment: ["NIX_REMOTE": "local?root=\(image)", "NIX_CONFIG": "build-users-group =\nsandbox = false"])
      }
      let verified = try await ask("--verify", "--check-contents")
      #expect(verified.status == 0, "\(verified.errors)")
      for node in graph.nodes {
        let (ours, theirs) = (
          try await ask("-q", "--references", node.path),
          try await Tool.result(of: "nix-store", ["-q", "--references", node.path]).output
        )
        #expect(ours.output.split(separator: "\n").sorted() == theirs.split(separator: "\n").sorted())
        #expect(
          try await ask("-q", "--hash", node.path).output
            == Tool.result(of: "nix-store", ["-q", "--hash", node.path]).output)
        #expect(
          try await ask("-q", "--size", node.path).output
            == Tool.result(of: "nix-store", ["-q", "--size", node.path]).output)
      }
      let valid = try await ask("--dump-db").output
      #expect(graph.nodes.allSatisfy { valid.contains("\($0.path)\n") })
      let dead = try await ask("--gc", "--print-dead")
      #expect(dead.status == 0, "\(dead.errors)")
      #expect(dead.output == "")
      let root = try #require(made.split(separator: "\n").last { $0.hasPrefix("/nix/store/") })
      #expect(try await ask("-q", "--roots", String(root)).output.contains("gcroots/docker"))
      // Changed content is noticed, so the database is really what is compared with.
      let copy = image.appending("nix/store").appending(String(root.dropFirst("/nix/store/".count)))
      try await Tool.run("sh", ["-c", "chmod u+w '\(copy)' && touch '\(copy)/added'"])
      let damaged = try await ask("--verify", "--check-contents")
      #expect(damaged.status != 0)
      #expect(damaged.errors.contains(String(root)))
    }
  }
}
