import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// Members by description, and the rules that a policy may choose.
struct LayerEntryTests {
  private func listing(_ recipe: LayerRecipe) async throws -> [LayerListing.Entry] {
    let (digests, listing) = try await recipe.digestsAndListing(encoding: .none)
    // What was made in the same pass is what another reader finds.
    let read = try await Archive(recipe.source(encoding: .none)).listing()
    #expect(read == listing)
    #expect(try await recipe.digests(encoding: .none) == digests)
    return listing.entries
  }

  private func names(_ recipe: LayerRecipe) async throws -> [String] { try await listing(recipe).map(\.name) }

  private static let everything: [LayerEntry] = [
    .init("/dev/null", .characterDevice(major: 1, minor: 3), mode: 0o666),
    .init("/dev/sda", .blockDevice(major: 8, minor: 0), mode: 0o660, gid: 6),
    .init("/run/fifo", .fifo, mode: 0o600), .init("/tmp", .directory, mode: 0o1777),
    .init(
      "/bin/su", .file(Array("#!\n".utf8)), mode: 0o4755, extendedAttributes: ["security.capability": [1, 0, 0, 2]]),
    .init("/bin/also-su", .hardLink(to: "/bin/aa"), mode: 0o755), .init("/bin/aa", .file([1, 2, 3])),
    .init("/etc/link", .symlink(target: Array("a//b/".utf8))),
    .init("/old/file", .whiteout), .init("/old/-dash", .file([])), .init("/cache", .opaqueDirectory),
    .init("/cache/new", .file([9]), uid: 1000, gid: 3_000_000, modificationTime: -5),
  ]

  @Test func everyKindOfMemberHasItsGoldenBytes() async throws {
    let recipe = LayerRecipe([], entries: Self.everything)
    #expect(
      try await names(recipe) == [
        "bin", "bin/aa", "bin/also-su", "bin/su", "cache", "cache/.wh..wh..opq", "cache/new", "dev", "dev/null",
        "dev/sda", "etc", "etc/link", "old", "old/.wh.file", "old/-dash", "run", "run/fifo", "tmp",
      ])
    let found = try await recipe.digests(encoding: .none).digest.hex
    #expect(found == "a4f484f0d590526e0c8940e43bdae5348aba3a779001a083d02d2e84d60973ba")
    // In whatever order they are given.
    let shuffled = LayerRecipe([], entries: Self.everything.reversed())
    #expect(shuffled.fingerprint == recipe.fingerprint)
    #expect(try await shuffled.digests(encoding: .none) == recipe.digests(encoding: .none))
  }

  @Test(.enabled(if: Tool.areInstalled("tar", "bsdtar", "python3"))) func otherPeoplesReadersAgreeOnEveryKind()
    async throws
  {
    try await withTemporaryDirectory { directory in
      try TestTree.write(
        try await LayerRecipe([], entries: Self.everything).bytes(), to: directory.appending("layer.tar"))
      let gnu = try await Tool.run("tar", ["--xattrs", "-tvvf", "layer.tar"], in: directory)
        .split(separator: " ").joined(separator: " ")
      for line in [
        "crw-rw-rw- 0/0 1,3", "brw-rw---- 0/6 8,0", "prw------- 0/0 ", "drwxrwxrwt",
        "-rwsr-xr-x", "bin/also-su link to bin/aa", "link -> a//b/", "1000/3000000",
      ] { #expect(gnu.contains(line), "\(line) in \(gnu)") }
      let bsd = try await Tool.run("bsdtar", ["-tvf", "layer.tar"], in: directory)
      for line in ["crw-rw-rw-", "1,3", "brw-rw----", "-rwsr-xr-x", "link to bin/aa"] { #expect(bsd.contains(line)) }
      let python = try await Tool.run(
        "python3",
        [
          "-c",
          "import tarfile;print([(m.name,m.type,m.mode,m.gid,int(m.mtime),m.devmajor,m.devminor) for m in tarfile.open('layer.tar')])",
        ], in: directory)
      #expect(python.contains("('cache/new', b'0', 420, 3000000, -5, 0, 0)"))
      #expect(python.contains("('dev/null', b'3', 438, 0, 1, 1, 3)"))
    }
  }

  @Test func nix2containersPolicyHasAbsoluteNamesARootAndOwnersNames() async throws {
    let recipe = LayerRecipe(
      [], entries: [.init("/nix/store/a/file", .file([1]), mode: 0o444)], metadata: .nix2container)
    let bytes = try await recipe.bytes()
    let names = stride(from: 0, to: 5 * 512, by: 512).map { block in
      String(decoding: bytes[block..<block + 100].prefix { $0 != 0 }, as: UTF8.self)
    }
    #expect(names == ["/", "/nix", "/nix/store", "/nix/store/a", "/nix/store/a/file"])
    #expect(String(decoding: bytes[265..<269], as: UTF8.self) == "root")
    #expect(bytes[156] == UInt8(ascii: "5"))
    #expect(Digest.of(bytes).hex == "5419f32f0c8418a469e404eb9e6e5fae5b5420b62e93e126e65d5a86289bf270")
  }

  // MARK: Hard links by content

  @Test func equalFilesAreLinkedToTheFirstOnlyWhenAsked() async throws {
    try await withTemporaryDirectory { directory in
      for name in ["a", "b", "c/d"] {
        try TestTree.makeDirectory(directory.appending(name).removingLastComponent())
        try TestTree.write("same", to: directory.appending(name))
      }
      try TestTree.write("same", to: directory.appending("mode"), mode: 0o755)
      try TestTree.write("size", to: directory.appending("other"))
      for name in ["empty1", "empty2"] { try TestTree.write("", to: directory.appending(name)) }
      // Links of the host are not links of the layer.
      try FileManager.default.linkItem(
        atPath: directory.appending("other").string, toPath: directory.appending("z-linked").string)
      let plain = LayerRecipe([.init(directory, at: "/")])
      #expect(try await listing(plain).allSatisfy { $0.kind != .hardLink })
      let linked = LayerRecipe([.init(directory, at: "/")], metadata: .init(hardLinks: .byContent))
      let links = try await listing(linked).filter { $0.kind == .hardLink }
      #expect(links.map(\.name) == ["b", "c/d", "z-linked"])
      #expect(links.map { String(decoding: $0.linkTarget ?? [], as: UTF8.self) } == ["a", "a", "other"])
      // The same files, once all links are followed.
      var tree = MergedTree()
      try tree.apply(LayerListing(entries: try await listing(linked)))
      var other = MergedTree()
      try other.apply(LayerListing(entries: try await listing(plain)))
      #expect(tree.listing == other.listing)
    }
  }

  // MARK: Extended attributes

  /// Whether the file system of temporary files has extended attributes.
  private static func attributesWork() async throws -> Bool {
    try await withTemporaryDirectory { directory in
      try TestTree.write("x", to: directory.appending("file"))
      return (try? await Tool.setExtendedAttribute("user.a", [1], of: directory.appending("file"))) != nil
    }
  }

  @Test(.enabled("no extended attributes here", attributesWork))
  func extendedAttributesAreWrittenOnlyWhenThePolicyLetsThemIn() async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("file")
      try TestTree.write("x", to: file)
      for (name, value) in [("user.b", [0, 255, 10]), ("user.a", Array("value".utf8)), ("user.empty", [])] {
        try await Tool.setExtendedAttribute(name, value, of: file)
      }
      func attributes(_ policy: MetadataPolicy.ExtendedAttributes) async throws -> [String] {
        let recipe = LayerRecipe([.init(file, at: "/file")], metadata: .init(extendedAttributes: policy))
        return try await listing(recipe)[0].extendedAttributes.map { String(decoding: $0.name, as: UTF8.self) }
      }
      #expect(try await attributes(.none) == [])
      #expect(try await attributes(.capabilities) == [])
      #expect(try await attributes(.portable) == ["user.a", "user.b"])
      #expect(try await attributes(.init(names: ["user.b"])) == ["user.b"])
    }
  }

  // MARK: Mistakes

  @Test func mistakesInEntriesAreNamed() async throws {
    func make(_ entries: LayerEntry...) async throws -> LayerDigests {
      try await LayerRecipe([], entries: entries).digests(encoding: .none)
    }
    await expectError(.invalidRecipe, naming: "/nowhere") {
      try await make(.init("/a", .hardLink(to: "/nowhere")))
    }
    await expectError(.invalidRecipe, naming: "before it") {
      try await make(.init("/a", .hardLink(to: "/b")), .init("/b", .file([1])))
    }
    await expectError(.reservedName, naming: ".wh.x") { try await make(.init("/.wh.x", .file([]))) }
    await expectError(.unrepresentable, naming: "device number") {
      try await make(.init("/d", .characterDevice(major: 1 << 21, minor: 0)))
    }
    await expectError(.unrepresentable, naming: "mode") { try await make(.init("/d", .file([]), mode: 0o10644)) }
    await expectError(.unrepresentable, naming: "a=b") {
      try await make(.init("/d", .file([]), extendedAttributes: ["user.a=b": [1]]))
    }
    await expectError(.unrepresentable, naming: "1 MiB") {
      try await make(.init("/d", .file([]), extendedAttributes: ["user.big": [UInt8](repeating: 1, count: 1 << 20)]))
    }
    await expectError(.conflict, naming: "/d") { try await make(.init("/d", .file([1])), .init("/d", .file([2]))) }
    await expectError(.conflict, naming: "/d") { try await make(.init("/d", .file([1])), .init("/d/e", .file([2]))) }
    await expectError(.conflict, naming: "modes") {
      try await make(.init("/d", .directory, mode: 0o700), .init("/d", .directory))
    }
    await expectError(.invalidRecipe, naming: "'/'") { try await make(.init("/", .fifo)) }
  }
}
