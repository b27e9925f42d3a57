import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// What is in a layer, as a value, as mtree, and compared.
struct LayerListingTests {
  private static let everyByte = LayerListing.Entry(
    path: (1...255).filter { $0 != UInt8(ascii: "/") }.map { UInt8($0) }, kind: .file)

  private func random(_ seed: UInt64) -> LayerListing {
    var generator = SeededGenerator(seed: seed)
    func bytes() -> [UInt8] {
      (0..<Int.random(in: 1...12, using: &generator)).map { _ in UInt8.random(in: 1...255, using: &generator) }
        .map { $0 == UInt8(ascii: "/") ? 65 : $0 }
    }
    let kinds: [LayerListing.Entry.Kind] = [
      .file, .directory, .symlink, .hardLink, .characterDevice, .blockDevice, .fifo,
    ]
    let entries = (0..<20).map { index in
      let kind = kinds[Int.random(in: 0..<kinds.count, using: &generator)]
      var entry = LayerListing.Entry(path: Array("\(index)/".utf8) + bytes(), kind: kind)
      entry.mode = UInt32.random(in: 0..<0o10000, using: &generator)
      entry.uid = Int64.random(in: 0...5_000_000, using: &generator)
      entry.gid = 0
      entry.modificationTime = Int64.random(in: -10...2_000_000_000, using: &generator)
      if Bool.random(using: &generator) { entry.userName = bytes() }
      switch kind {
      case .file:
        entry.size = Int64.random(in: 0...1 << 40, using: &generator)
        entry.digest = .of(bytes())
      case .symlink, .hardLink: entry.linkTarget = bytes()
      case .characterDevice, .blockDevice: entry.device = .init(major: 8, minor: 1_000_000)
      default: break
      }
      if index % 5 == 0 { entry.extendedAttributes = [ExtendedAttribute(name: Array("user.a b".utf8), value: bytes())] }
      return entry
    }
    return LayerListing(entries: entries + [Self.everyByte])
  }

  // MARK: mtree

  @Test(arguments: 1...20 as ClosedRange<UInt64>) func whatIsWrittenAsMtreeIsReadBack(seed: UInt64) throws {
    let listing = random(seed)
    #expect(try LayerListing(parsingMtree: listing.mtree()) == listing)
    // Lines as people see them: ASCII without control characters.
    #expect(listing.mtree().allSatisfy { $0 == 10 || (32...126).contains($0) })
  }

  @Test func mtreeHasItsGoldenForm() async throws {
    let recipe = LayerRecipe(
      [],
      entries: [
        .init("/etc/a b", .file(Array("abc".utf8)), extendedAttributes: ["user.x": [255]]),
        .init("/etc/link", .symlink(target: Array("a b".utf8))),
        .init("/dev/null", .characterDevice(major: 1, minor: 3)),
        .init("/etc/same", .hardLink(to: "/etc/a b")),
      ])
    let listing = try await recipe.digestsAndListing(encoding: .gzip()).listing
    #expect(
      String(decoding: listing.mtree(), as: UTF8.self) == """
        #mtree
        . type=dir
        ./dev type=dir mode=0755 uid=0 gid=0 time=1.000000000
        ./dev/null type=char mode=0644 uid=0 gid=0 time=1.000000000 device=linux,1,3
        ./etc type=dir mode=0755 uid=0 gid=0 time=1.000000000
        ./etc/a\\040b type=file mode=0644 uid=0 gid=0 time=1.000000000 size=3 sha256digest=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad xattr.user.x=/w\\075\\075
        ./etc/link type=link mode=0777 uid=0 gid=0 time=1.000000000 link=a\\040b
        ./etc/same type=file mode=0644 uid=0 gid=0 time=1.000000000 hardlink=etc/a\\040b

        """)
    #expect(!String(decoding: listing.mtree(extensions: false), as: UTF8.self).contains("hardlink"))
  }

  @Test(.enabled(if: Tool.areInstalled("bsdtar")), arguments: [71, 72] as [UInt64])
  func bsdtarsMtreeSaysWhatOursSays(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      try await TestTree.random(seed, at: directory.appending("tree"))
      let recipe = LayerRecipe([.init(directory.appending("tree"), at: "/")])
      let listing = try await recipe.digestsAndListing(encoding: .none).listing
      try TestTree.write(try await recipe.bytes(), to: directory.appending("layer"))
      for extra in [[], ["--options", "mtree:use-set,mtree:sha256"], ["--options", "mtree:all"]] as [[String]] {
        let theirs = try await Tool.result(
          of: "bsdtar", ["-cf", "-", "--format=mtree"] + extra + ["@layer"], in: directory,
          environment: ["LC_ALL": "C.UTF-8"])
        #expect(theirs.errors == "")
        let read = try LayerListing(parsingMtree: Array(theirs.output.utf8))
        #expect(listing.changes(since: read).map(\.description) == [])
        #expect(read.entries.count == listing.entries.count)
      }
      // And the other way: libarchive reads ours.
      try TestTree.write(listing.mtree(), to: directory.appending("ours.mtree"))
      let back = try await Tool.result(
        of: "bsdtar", ["-cf", "-", "--format=mtree", "@../ours.mtree"], in: directory.appending("tree"),
        environment: ["LC_ALL": "C.UTF-8"])
      #expect(back.errors == "")
      let changes = listing.changes(since: try LayerListing(parsingMtree: Array(back.output.utf8)))
      // The root, which is there for some tools' sake.
      #expect(changes.map(\.description) == ["- ."])
    }
  }

  @Test(.enabled(if: Tool.areInstalled("mtree", "tar"))) func theBSDsMtreeFindsTheUnpackedTreeRight() async throws {
    try await withTemporaryDirectory { directory in
      try await TestTree.random(73, at: directory.appending("tree"))
      let recipe = LayerRecipe([.init(directory.appending("tree"), at: "/")])
      let listing = try await recipe.digestsAndListing(encoding: .none).listing
      try TestTree.write(try await recipe.bytes(), to: directory.appending("layer"))
      try TestTree.write(listing.mtree(extensions: false), to: directory.appending("spec"))
      try TestTree.makeDirectory(directory.appending("out"))
      try await Tool.run("tar", ["-xpf", "../layer", "--no-same-owner"], in: directory.appending("out"))
      let keywords = "type,mode,size,link,time,sha256"
      let right = try await Tool.result(
        of: "mtree", ["-f", "spec", "-p", "out", "-R", "all", "-k", keywords], in: directory)
      #expect(right.status == 0, "\(right.output)\(right.errors)")
      try TestTree.write("changed", to: directory.appending("out/big-1048576"))
      let wrong = try await Tool.result(
        of: "mtree", ["-f", "spec", "-p", "out", "-R", "all", "-k", keywords], in: directory)
      #expect(wrong.status == 2)
    }
  }

  @Test func relativeNamesDefaultsAndEscapesAreUnderstood() throws {
    let text = """
      #mtree v2.0
      /set type=file uid=0 gid=0 mode=0644
      # a comment
      .               type=dir mode=0755
          bin         type=dir \\
                      mode=0755
              sh      size=12 time=5.0 uname=root
          ..
          a\\sb\\040c\\^A\\M-i\\M^A\\\\  nochange optional md5=00
      /unset uid mode
      /set gid=7
          last        type=link link=a\\sb
      ..
      ./full/path/x   type=fifo
      """
    let entries = try LayerListing(parsingMtree: Array(text.utf8)).entries
    #expect(
      entries.map(\.path).map { escaped($0) } == [
        ".", "bin", "bin/sh", "a%32.b%32.c%1.%233.%129.\\", "last", "full/path/x",
      ])
    #expect(entries[1].mode == 0o755)
    #expect(entries[2].size == 12)
    #expect(entries[2].modificationTime == 5)
    #expect(entries[4].uid == nil)
    #expect(entries[4].gid == 7)
    #expect(entries[4].linkTarget == Array("a b".utf8))
    #expect(entries[5].kind == .fifo)
  }

  @Test(arguments: [
    ("a type=what", "unknown type"), ("a mode=9", "octal"), ("a size=many", "not a number"), (".. type=dir", "alone"),
    ("./a/../b", "'..'"), ("a sha256digest=12", "SHA-256"), ("a\\", "goes on"), ("a xattr.user.x=!", "base64"),
    ("a\\000b", "NUL"), ("x\n\ny time=", "line 3"), ("a\\Mx", "'\\M'"),
  ])
  func mistakesAreNamedWithTheirLine(text: String, message: String) async {
    await expectError(.invalidListing, naming: message) { try LayerListing(parsingMtree: Array(text.utf8)) }
  }

  // MARK: Differences

  @Test func differencesNameThePathAndTheField() async throws {
    func listing(_ entries: LayerEntry...) async throws -> LayerListing {
      try await LayerRecipe([], entries: entries).digestsAndListing(encoding: .none).listing
    }
    let old = try await listing(
      .init("/a", .file([1])), .init("/b", .file([1])), .init("/c", .symlink(target: [65])), .init("/d", .fifo))
    let new = try await listing(
      .init("/a", .file([1, 2]), mode: 0o600), .init("/c", .symlink(target: [66])), .init("/d", .fifo, uid: 5),
      .init("/e", .file([])))
    let changes = new.changes(since: old)
    #expect(
      changes.map(\.description) == [
        "~ a: mode 644 -> 600, size 1 -> 2, content \(Digest.of([1])) -> \(Digest.of([1, 2]))", "- b",
        "~ c: link A -> B",
        "~ d: uid 0 -> 5", "+ e",
      ])
    #expect(old.changes(since: old) == [])
    // What one side does not know is no difference.
    var vague = old
    for index in vague.entries.indices {
      vague.entries[index].mode = nil
      vague.entries[index].digest = nil
    }
    #expect(old.changes(since: vague) == [])
  }

  @Test func filesThatCrossBatchesHaveTheirDigests() async throws {
    let sizes = [0, 1, 511, (1 << 20) - 1536, 1 << 20, (3 << 20) + 17, 5]
    let entries = sizes.enumerated().map {
      LayerEntry(FilePath("/\($0.offset)"), .file(TestTree.bytes($0.element, seed: 4)))
    }
    for encoding in [LayerEncoding.none, .zstd(level: 1)] {
      let listing = try await LayerRecipe([], entries: entries).digestsAndListing(encoding: encoding).listing
      #expect(listing.entries.map(\.digest) == sizes.map { .of(TestTree.bytes($0, seed: 4)) })
    }
  }
}
