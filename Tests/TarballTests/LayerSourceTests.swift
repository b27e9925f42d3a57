import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// Archives and tars as sources: whatever way files come into a layer, the same files are the same bytes.
struct LayerSourceTests: LayerProbe {
  @Test(
    .enabled(if: Tool.areInstalled("tar", "bsdtar")),
    arguments: [
      ["tar", "--sort=none", "-cf"], ["tar", "-czf"], ["tar", "--format=gnu", "-cJf"],
      ["bsdtar", "--format=zip", "-cf"],
      ["bsdtar", "--format=newc", "-cf"], ["bsdtar", "--format=7zip", "-cf"], ["bsdtar", "--zstd", "-cf"],
    ])
  func aTreeAndAnArchiveOfItAreTheSameLayer(program: [String]) async throws {
    try await withTemporaryDirectory { directory in
      let tree = directory.appending("tree")
      _ = try FileSystem.createDirectories(tree)
      try await RandomTree(seed: 5).write(into: tree)
      _ = try await Tool.run(program[0], Array(program[1...]) + ["../archive", "."], in: tree)
      let fromTree = LayerRecipe([.init(tree, at: "/srv")])
      let fromArchive = LayerRecipe([.init(archive: directory.appending("archive"), at: "/srv")])
      #expect(try await bytes(of: fromTree) == bytes(of: fromArchive))
      let both = fromTree.merged(with: fromArchive)
      #expect(try await bytes(of: both) == bytes(of: fromTree))
    }
  }

  @Test(arguments: [0, 3, 40, 1 << 20]) func membersInTheWrongOrderComeInTheRightOne(room: Int) async throws {
    try await withTemporaryDirectory { directory in
      let tree = directory.appending("tree")
      let names = (0..<40).map { "f\($0)" }
      for (index, name) in names.enumerated() {
        _ = try FileSystem.createDirectories(tree)
        try FileSystem.replace(tree.appending(name), with: [UInt8](repeating: UInt8(index), count: index % 7))
      }
      _ = try await Tool.run("tar", ["-cf", "../a.tar"] + names.reversed(), in: tree)
      let pass = ArchivePass(directory.appending("a.tar"), .init()) { false }
      let archive = try ArchiveTree(directory.appending("a.tar"), .init(), digestsContent: false) { false }
      let order = archive.nodes[0].children.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        .compactMap { archive.nodes[$0.value].content }
      let sizes = Dictionary(
        uniqueKeysWithValues: archive.nodes.compactMap { node in node.content.map { ($0, node.size) } })
      let contents = ArchiveContents(pass, order: order, sizes: sizes, room: room)
      // Some are passed over.
      for member in order where member % 5 != 0 {
        let size = Int(try #require(sizes[member]))
        try contents.open(member)
        let number = UInt8(39 - member)
        #expect(try Array(contents.read(size)) == [UInt8](repeating: number, count: size))
      }
      #expect(room < 100 ? contents.passCount > 1 : contents.passCount == 1)
    }
  }

  @Test func hardLinksOfAnArchiveAreFilesUnlessTheyAreAskedFor() async throws {
    try await withTemporaryDirectory { directory in
      let archive = directory.appending("a.tar")
      var entries = Self.files.entries
      entries.append(.init("/zz/first", .file(Array("hello".utf8))))
      entries.append(.init("/zz/second", .hardLink(to: "/zz/first")))
      try FileSystem.replace(archive, with: try await bytes(of: LayerRecipe([], entries: entries)))
      let plain = LayerRecipe([.init(archive: archive)])
      #expect(try await entry("zz/second", in: plain)?.kind == .file)
      var linked = plain
      linked.metadata.hardLinks = .byContent
      #expect(try await entry("zz/second", in: linked)?.kind == .hardLink)
    }
  }

  @Test(.enabled(if: Tool.areInstalled("bsdtar"))) func contentThatComesWithTheLastOfTheLinksIsThatOfAll() async throws
  {
    try await withTemporaryDirectory { directory in
      try await Tool.run(
        "sh", ["-c", "mkdir d && echo content > d/a && ln d/a d/b && ln d/a d/c && bsdtar --format=newc -cf a.cpio d"],
        in: directory)
      let fromArchive = LayerRecipe([.init(archive: directory.appending("a.cpio"))])
      let fromTree = LayerRecipe([.init(directory.appending("d"), at: "/d")])
      #expect(try await bytes(of: fromArchive) == bytes(of: fromTree))
    }
  }

  @Test func manyLinksToAFileAreReadInOnePassAndCountAsFiles() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("links.tar")
      var entries: [LayerEntry] = [.init("/a", .file([UInt8](repeating: 7, count: 100_000)))]
      entries += (0..<50).map { .init(FilePath("/b/link-\($0)"), .hardLink(to: "/a")) }
      try FileSystem.replace(path, with: try await bytes(of: LayerRecipe([], entries: entries)))
      let archive = try ArchiveTree(path, .init(), digestsContent: false) { false }
      let size = try #require(archive.nodes.map(\.size).max())
      for node in archive.nodes.filter({ $0.content != nil }) {
        try archive.contents.open(try #require(node.content))
        #expect(try archive.contents.read(Int(size)).count == Int(size))
      }
      #expect(archive.contents.passCount == 1)
      let bounded = ArchiveReadOptions(limits: ArchiveLimits(contentSize: 1_000_000))
      let error = #expect(throws: TarballError.self) {
        try ArchiveTree(path, bounded, digestsContent: false) { false }
      }
      #expect(error?.code == .limitExceeded)
    }
  }

  @Test func ownersTimesAttributesAndDeletionsOfAnArchiveAreKeptWhenAsked() async throws {
    try await withTemporaryDirectory { directory in
      let archive = directory.appending("a.tar")
      let original = LayerRecipe(
        [],
        entries: [
          .init(
            "/a", .file([1]), mode: 0o4755, uid: 7, gid: 8, modificationTime: 99, extendedAttributes: ["user.x": [1]]),
          .init("/d", .directory, uid: 3, gid: 3, modificationTime: 5), .init("/gone", .whiteout, modificationTime: 1),
          .init("/d", .opaqueDirectory),
        ])
      try FileSystem.replace(archive, with: try await bytes(of: original))
      let kept = LayerRecipe([.init(archive: archive, options: .keepingEverything)])
      #expect(try await bytes(of: kept) == bytes(of: original))
      let plain = LayerRecipe([.init(archive: archive)])
      #expect(try await entry("a", in: plain)?.uid == 0)
      #expect(try await names(plain) == [".wh.gone", "a", "d", "d/.wh..wh..opq"])
    }
  }

  @Test(arguments: ["none", "gzip", "zstd"]) func aTarKeptToTheByteIsTheLayer(compression: String) async throws {
    try await withTemporaryDirectory { directory in
      let tar = directory.appending("a.tar")
      _ = try FileSystem.createDirectories(directory.appending("tree"))
      try await RandomTree(seed: 8).write(into: directory.appending("tree"))
      _ = try await Tool.run("tar", ["-cf", tar.string, "tree"], in: directory)
      let original = try FileSystem.contents(of: tar)
      switch compression {
      case "gzip": _ = try await Tool.run("gzip", [tar.string])
      case "zstd": _ = try await Tool.run("zstd", ["-q", "--rm", "-o", "\(tar).zst", tar.string])
      default: break
      }
      let name = ["gzip": "a.tar.gz", "zstd": "a.tar.zst"][compression] ?? "a.tar"
      let recipe = LayerRecipe(verbatimTar: directory.appending(name))
      #expect(try await bytes(of: recipe) == original)
      let digests = try await recipe.digestsAndListing(encoding: .gzip())
      #expect(digests.digests.diffID == .of(original))
      #expect(digests.listing.entries.contains { $0.name == "tree" })
      let mixed = recipe.merged(with: Self.files)
      await #expect(throws: TarballError.self) { try await mixed.digests(encoding: .none) }
    }
  }

  // MARK: Hostile archives

  @Test(
    arguments: [
      (["../escape"], "", TarballError.Code.unsafePath), (["a", "a"], "", .conflict),
      (["link/below"], "link", .unsafePath), (["dev"], "device", .unsupportedEntry),
      (["h"], "hardlink", .invalidArchive),
      ([".wh..wh.aufs"], "", .reservedName),
    ] as [([String], String, TarballError.Code)])
  func anArchiveThatToolsWouldUnpackDifferentlyIsRefused(
    names: [String], extra: String, code: TarballError.Code
  ) async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("hostile.tar")
      var tar: [UInt8] = []
      if extra == "link" {
        try TarHeader.append(
          TarEntry(path: Array("link".utf8), kind: .symlink(target: Array("/etc".utf8)), mode: 0o777), to: &tar)
      }
      for name in names {
        let kind: TarEntry.Kind =
          switch extra {
          case "device": .blockDevice(major: 8, minor: 0)
          case "hardlink": .hardLink(target: Array("nothing".utf8))
          default: .file(size: 0)
          }
        try TarHeader.append(TarEntry(path: Array(name.utf8), kind: kind, mode: 0o644), to: &tar)
      }
      try FileSystem.replace(path, with: tar + [UInt8](repeating: 0, count: 1024))
      let recipe = LayerRecipe([.init(archive: path)])
      let error = await #expect(throws: TarballError.self) { try await recipe.digests(encoding: .none) }
      #expect(error?.code == code)
      #expect(error?.message.contains("hostile.tar") == true)
    }
  }

  @Test func anArchiveThatBecomesTooLargeOrIsCutShortIsRefused() async throws {
    try await withTemporaryDirectory { directory in
      let tree = directory.appending("tree")
      _ = try FileSystem.createDirectories(tree)
      _ = try await Tool.run("truncate", ["-s", "300M", "bomb"], in: tree)
      _ = try await Tool.run("tar", ["-cSJf", "../bomb.tar.xz", "bomb"], in: tree)
      let bomb = LayerRecipe([.init(archive: directory.appending("bomb.tar.xz"))])
      let error = await #expect(throws: TarballError.self) { try await bomb.digests(encoding: .none) }
      #expect(error?.code == .limitExceeded)
      let cut = directory.appending("cut.tar")
      try FileSystem.replace(cut, with: try await bytes(of: Self.files).dropLast(1500))
      let short = LayerRecipe([.init(archive: cut)])
      let other = await #expect(throws: TarballError.self) { try await short.digests(encoding: .none) }
      #expect(other?.code == .invalidArchive)
      let missing = LayerRecipe([.init(archive: directory.appending("none.tar"))])
      await #expect(throws: TarballError.self) { try await missing.digests(encoding: .none) }
    }
  }

  @Test func anyDamageToAnArchiveIsAnErrorOrAnotherArchiveAndNothingWorse() async throws {
    try await withTemporaryDirectory { directory in
      var files = Self.files
      files.entries += [
        .init("/zz/link", .hardLink(to: "/app/package.json")), .init("/app/gone", .whiteout), .init("/dev/x", .fifo),
        .init(
          FilePath("/long/\(String(repeating: "n", count: 120))"), .file([1, 2, 3]), extendedAttributes: ["user.a": [1]]
        ),
      ]
      // The link's file has to come before it.
      let bytes = try await bytes(of: files)
      var generator = SeededGenerator(seed: 4)
      var accepted = 0
      for _ in 0..<400 {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          let place = Int.random(in: 0..<damaged.count, using: &generator)
          damaged[place] = UInt8.random(in: 0...255, using: &generator)
          // Half of them with a checksum that is right again.
          let start = place / 512 * 512
          guard Bool.random(using: &generator), start + 512 <= damaged.count else { continue }
          for index in start + 148..<start + 156 { damaged[index] = 0x20 }
          let sum = damaged[start..<start + 512].reduce(0) { $0 + Int($1) }
          let digits = String(sum, radix: 8)
          damaged.replaceSubrange(
            start + 148..<start + 156,
            with: Array((String(repeating: "0", count: 6 - digits.count) + digits).utf8) + [0, 0x20])
        }
        let path = directory.appending("a.tar")
        try FileSystem.replace(path, with: damaged, isDurable: false)
        let recipe = LayerRecipe([.init(archive: path, options: .keepingEverything)])
        guard let first = try? await self.bytes(of: recipe) else { continue }
        accepted += 1
        // A layer as a source gives itself.
        try FileSystem.replace(path, with: first, isDurable: false)
        #expect(try await self.bytes(of: recipe) == first)
      }
      #expect(accepted > 50)
    }
  }
}
