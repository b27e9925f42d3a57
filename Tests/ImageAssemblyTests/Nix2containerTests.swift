import Foundation
import ImageAssembly
import OCICore
import OCITesting
import SystemPackage
import Tarball
import Testing

/// What nix2container built is read, and its layers are produced to the byte, by its rules as its documentation and users know
/// them; an independent writer of these rules in Go is the oracle.
struct Nix2containerTests {
  private func oracle(in directory: FilePath) async throws -> FilePath {
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Oracles/nix2container.go").path
    let environment = ["GOCACHE": directory.appending("cache").string, "GO111MODULE": "off"]
    let built = try await Tool.result(
      of: "go", ["build", "-o", "oracle", source], in: directory, environment: environment)
    #expect(built.status == 0, "\(built.errors)")
    return directory.appending("oracle")
  }

  private func image(_ paths: String, digest: String, size: Int64 = 0) -> [UInt8] {
    Array(
      """
      {"version":1,"image-config":{"entrypoint":["/bin/run"],"Env":["A=b"]},"arch":"arm64","created":"0001-01-01T00:00:00Z",
       "layers":[{"digest":"\(digest)","size":\(size),"diff_ids":"\(digest)","paths":\(paths),
                  "mediatype":"application/vnd.oci.image.layer.v1.tar","History":{"created_by":"nix2container"}},
                 {"digest":"\(digest)","size":\(size),"diff_ids":"\(digest)","paths":\(paths),
                  "mediatype":"application/vnd.oci.image.layer.v1.tar","History":{"created_by":"nix2container"}}]}
      """.utf8)
  }

  @Test(.enabled(if: Tool.areInstalled("go"))) func itsLayersAreProducedToTheByte() async throws {
    try await withTemporaryDirectory { directory in
      let oracle = try await oracle(in: directory)
      let store = try await FakeStore(in: directory, seed: 11)
      let (app, library, root) = (store.application.string, store.library.string, store.root.string)
      let cases = [
        #"[{"path":"\#(app)"},{"path":"\#(library)"}]"#,
        #"[{"path":"\#(root)","options":{"rewrite":{"regex":"^\#(root)","repl":""}}},{"path":"\#(app)"}]"#,
        #"[{"path":"\#(root)","options":{"rewrite":{"regex":"^\#(root)","repl":"/opt/root"}}}]"#,
        #"""
        [{"path":"\#(root)","options":{"rewrite":{"regex":"^\#(root)","repl":""},
          "perms":[{"regex":".*","mode":"0755"},{"regex":"/etc/.*","mode":"0640","uid":1000,"gid":100,"uname":"app","gname":"app"},{"regex":"run$","uid":5}]}}]
        """#,
        #"[{"path":"\#(root)"},{"path":"\#(root)"}]"#,
      ]
      for paths in cases {
        try FileSystem.replace(directory.appending("paths.json"), with: Array(paths.utf8))
        let digest = try await Tool.run("sh", ["-c", "\(oracle) digest < paths.json"], in: directory)
        let read = try AssembledImage(description: image(paths, digest: digest), name: "image.json", in: directory)
        let made = try await read.layers[0].content.recipe.digests(encoding: .none)
        #expect("\(made.digest)" == digest, "\(paths)")
      }
    }
  }

  @Test func anImageOfItIsPushedAsItIsOrCompressed() async throws {
    try await withTemporaryDirectory { directory in
      let store = try await FakeStore(in: directory)
      let recipe = LayerRecipe([.init(store.application), .init(store.library)], metadata: .nix2container)
      let digests = try await recipe.digests(encoding: .none)
      let paths = #"[{"path":"\#(store.library)"},{"path":"\#(store.application)","options":null}]"#
      let image = try AssembledImage(
        description: image(paths, digest: "\(digests.digest)", size: digests.size), name: "image.json", in: directory)
      #expect(image.layers.count == 1)
      #expect(image.configuration.platform.description == "linux/arm64")
      #expect(image.configuration.created == "0001-01-01T00:00:00Z")
      #expect(image.configuration.runtime.entrypoint == ["/bin/run"])
      #expect(image.configuration.history.map(\.createdBy) == ["nix2container"])
      let memory = MemoryStore()
      try await image.push(to: memory, tags: ["plain"])
      #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: memory) == [])
      let compressed = try await image.encoded(as: .gzip())
      try await compressed.push(to: memory, tags: ["gzip"])
      #expect(compressed.configurationBytes == image.configurationBytes)
      #expect(compressed.layers[0].descriptor.mediaType == .layerTarGzip)
      #expect(try await ImageSpecCheck.violations(of: compressed.descriptor, in: memory) == [])
      // What our own description says of it, it says again.
      let text = try compressed.description(in: directory).prettyText
      #expect(
        try AssembledImage(description: Array(text.utf8), name: "own", in: directory).manifestBytes
          == compressed.manifestBytes)
    }
  }

  @Test func layersOfABaseWithoutSizesAreTakenAsTheyAre() async throws {
    try await withTemporaryDirectory { directory in
      let bytes = try await LayerRecipe([], entries: [.init("/a", .file([1]))]).source(encoding: .gzip()).open()
        .collect(upTo: 1 << 20)
      let file = directory.appending("layer")
      try FileSystem.replace(file, with: bytes)
      let diffID = try await Archive(file: file).diffID().digest
      let text = """
        {"version":1,"image-config":{},"arch":"amd64","layers":[{"digest":"\(Digest.of(bytes))","diff_ids":"\(diffID)",
         "layer-path":"\(file)","mediatype":"application/vnd.docker.image.rootfs.diff.tar.gzip","History":{}}]}
        """
      let image = try AssembledImage(description: Array(text.utf8), name: "image.json", in: directory)
      #expect(image.layers[0].descriptor.size == Int64(bytes.count))
      let memory = MemoryStore()
      try await image.push(to: memory, tags: ["a"])
      #expect(try await ImageSpecCheck.violations(of: image.descriptor, in: memory) == [])
      let layers = directory.appending("layers.json")
      try FileSystem.replace(layers, with: Array("[]".utf8))
      #expect(try AssembledImage.nix2containerLayers(file: layers) == [])
    }
  }

  @Test(
    arguments: [
      #"{"path":"/a","options":{"rewrite":{"regex":"(a|b)","repl":"$1"}}}"#,
      #"{"path":"/a","options":{"ensureDirs":["/x"]}}"#,
      #"{"tar":"/a.tar"}"#, #"{"path":"/a","options":{"perms":[{"regex":"(","mode":"0755"}]}}"#,
      #"{"path":"/a","options":{"perms":[{"regex":".","mode":"rwx"}]}}"#,
    ])
  func whatItsLayersCannotBeMadeFromForCertainIsRefused(path: String) throws {
    #expect(throws: AssemblyError.self) {
      try AssembledImage(description: image("[\(path)]", digest: "\(Digest.of([]))"), name: "image.json", in: "")
    }
  }

  @Test func emptyAndOtherVersions() throws {
    let empty = Array(#"{"version":1,"image-config":{},"layers":null,"arch":""}"#.utf8)
    #expect(try AssembledImage(description: empty, name: "i", in: "").layers == [])
    let other = Array(#"{"version":2,"image-config":{},"layers":null}"#.utf8)
    #expect(throws: AssemblyError.self) { try AssembledImage(description: other, name: "i", in: "") }
  }
}
