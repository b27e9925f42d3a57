import Foundation
import OCICore
import OCITesting
import Synchronization
import SystemPackage
import Testing

@testable import Tarball

/// A source that is not on this machine gives, from its NAR, the bytes that it would give.
struct StoreArchiveTests {
  /// A tree as a store has it, its NAR by Nix itself, and a path under which only the NAR is known.
  private func withDumpedTree(
    _ seed: UInt64, compressedBy program: String? = nil, _ body: (FilePath, NarSubstitute) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      let tree = directory.appending("tree")
      try await TestTree.random(seed, at: tree)
      try await Tool.run("chmod", ["-R", "u-s,g-s,o-t,a-w,a+rX", tree.string])
      try await Tool.run("sh", ["-c", "nix-store --dump tree > nar"], in: directory)
      let nar = try TestTree.read(directory.appending("nar"))
      var bytes = nar
      if let program {
        try await Tool.run("sh", ["-c", "\(program) < nar > packed"], in: directory)
        bytes = try TestTree.read(directory.appending("packed"))
      }
      try await body(
        tree, NarSubstitute([NarSample.path: NarSubstitute.archive(NarSample.path, BlobSource(bytes), of: nar)]))
      try await Tool.run("chmod", ["-R", "u+w", tree.string])
    }
  }

  private func expectSame(
    _ recipe: LayerRecipe, _ other: LayerRecipe, _ substitute: NarSubstitute, _ encoding: LayerEncoding = .none
  ) async throws {
    let wanted = try await recipe.digestsAndListing(encoding: encoding)
    let found = try await other.digestsAndListing(encoding: encoding, substitute: substitute)
    #expect(found.digests == wanted.digests)
    #expect(found.listing == wanted.listing)
  }

  @Test(
    .enabled(if: Tool.areInstalled("nix-store", "xz", "zstd", "bzip2", "gzip")),
    arguments: [nil, "xz -1", "zstd -1", "bzip2", "gzip -1"] as [String?])
  func aNarInAnyCompressionGivesTheLayerOfItsTree(program: String?) async throws {
    try await withDumpedTree(UInt64(program?.count ?? 0), compressedBy: program) { tree, substitute in
      try await expectSame(
        LayerRecipe([.init(tree, at: "/opt/tree")]), LayerRecipe([.init(NarSample.path, at: "/opt/tree")]), substitute,
        program == nil ? .gzip(level: 1) : .none)
    }
  }

  @Test(.enabled(if: Tool.areInstalled("nix-store")), arguments: [10])
  func rulesPoliciesPartsAndMergedSourcesGiveTheSame(seed: UInt64) async throws {
    try await withDumpedTree(seed) { tree, substitute in
      func recipes(_ make: (FilePath) throws -> LayerRecipe) async throws {
        try await expectSame(try make(tree), try make(NarSample.path), substitute)
      }
      try await recipes { LayerRecipe([.init($0, at: "/")]) }
      try await recipes {
        LayerRecipe([.init($0, at: "/a"), .init($0, at: "/b")], metadata: .init(hardLinks: .byContent))
      }
      try await recipes { path in
        var source = LayerRecipe.Source(path, at: "/part")
        source.subtree = "random"
        source.allowsMissing = true
        return LayerRecipe([source, .init(path, at: "/all")], metadata: .nix2container)
      }
      try await recipes { path in
        var recipe = try LayerRecipe([.init(path, at: "/app")]).excluding([PathPattern("big-*")])
          .changing(PathPattern("**"), .owner(5, 6))
        recipe.metadata.modes = .normalized
        return recipe
      }
      // The same files from both sides are no conflict.
      let merged = LayerRecipe([.init(tree, at: "/x"), .init(NarSample.path, at: "/x")])
      try await expectSame(LayerRecipe([.init(tree, at: "/x")]), merged, substitute)
    }
  }

  @Test func aStorePathMayBeAFileOrALink() async throws {
    try await withTemporaryDirectory { directory in
      try TestTree.write("content", to: directory.appending("file"), mode: 0o555)
      try FileManager.default.createSymbolicLink(
        atPath: directory.appending("link").string, withDestinationPath: "/nix/store/x")
      let substitute = NarSubstitute([
        NarSample.path(1): NarSample.nar(NarSample.file("content".utf8, isExecutable: true)),
        NarSample.path(2): NarSample.nar(NarSample.link("/nix/store/x")),
      ])
      try await expectSame(
        LayerRecipe([.init(directory.appending("file"), at: "/s/f"), .init(directory.appending("link"), at: "/s/l")]),
        LayerRecipe([.init(NarSample.path(1), at: "/s/f"), .init(NarSample.path(2), at: "/s/l")]), substitute)
    }
  }

  @Test func whatIsOnThisMachineIsNotAskedFor() async throws {
    try await withTemporaryDirectory { directory in
      try TestTree.write("here", to: directory.appending("file"))
      let substitute = NarSubstitute([directory: NarSample.nar(NarSample.file("there".utf8))])
      let recipe = LayerRecipe([.init(directory, at: "/")])
      #expect(
        try await recipe.digests(encoding: .none, substitute: substitute) == recipe.digests(encoding: .none))
      #expect(substitute.opened.isEmpty)
    }
  }

  @Test func linksAreFollowedInsideAStorePathAlone() async throws {
    let nar = NarSample.nar(
      NarSample.directory(
        ("a", NarSample.file("A".utf8)), ("b", NarSample.link("c/d")),
        ("c", NarSample.directory(("d", NarSample.link("../a")))),
        ("e", NarSample.link("\(NarSample.path)/a")), ("out", NarSample.link("/etc/passwd"))))
    let substitute = NarSubstitute([NarSample.path: nar])
    var source = LayerRecipe.Source(NarSample.path.appending("b"), at: "/f")
    source.followsLinks = true
    var other = source
    other.host = NarSample.path.appending("e")
    other.destination = "/g"
    let listing = try await LayerRecipe([source, other]).digestsAndListing(encoding: .none, substitute: substitute)
      .listing
    #expect(listing.entries.map(\.kind) == [.file, .file])
    #expect(listing.entries.map(\.digest) == [Digest.of([65]), Digest.of([65])])
    source.host = NarSample.path.appending("out")
    await expectError(.unreadable, naming: "out") {
      try await LayerRecipe([source]).digests(encoding: .none, substitute: substitute)
    }
    source.host = NarSample.path.appending("missing")
    await expectError(.unreadable, naming: "missing") {
      try await LayerRecipe([source]).digests(encoding: .none, substitute: substitute)
    }
  }

  @Test func differentFilesAtOnePathAreAConflictThatNamesBoth() async throws {
    let substitute = NarSubstitute([
      NarSample.path(1): NarSample.nar(NarSample.directory(("a", NarSample.file("1".utf8)))),
      NarSample.path(2): NarSample.nar(NarSample.directory(("a", NarSample.file("2".utf8)))),
    ])
    await expectError(.conflict, naming: "\(NarSample.path(2))/a") {
      try await LayerRecipe([.init(NarSample.path(1), at: "/"), .init(NarSample.path(2), at: "/")])
        .digests(encoding: .none, substitute: substitute)
    }
  }

  @Test func whatIsNotWhatWasAnnouncedIsRefusedByName() async throws {
    let nar = NarSample.nar(NarSample.directory(("a", NarSample.file("content".utf8))))
    var other = nar
    other[nar.count / 2] ^= 1
    let archives = [
      NarSubstitute.archive(NarSample.path, BlobSource(other), of: nar),
      NarSubstitute.archive(NarSample.path, BlobSource(Array(nar.dropLast(8))), of: nar),
      NarSubstitute.archive(NarSample.path, BlobSource(nar + [0]), of: nar),
      NarSubstitute.archive(NarSample.path, BlobSource([]), of: nar),
      NarSubstitute.archive(NarSample.path, BlobSource(nar), of: nar + nar),
      NarSubstitute.archive(NarSample.path, BlobSource(nar), of: other),
    ]
    for archive in archives {
      await expectError(.damaged, naming: "test cache") {
        try await LayerRecipe([.init(NarSample.path, at: "/a")])
          .digests(encoding: .none, substitute: NarSubstitute([NarSample.path: archive]))
      }
    }
  }

  @Test func anArchiveThatIsAnotherWhenItIsFetchedAgainIsRefused() async throws {
    // More than is held.
    let content = [UInt8](repeating: 1, count: 33 << 20)
    let nar = NarSample.nar(NarSample.directory(("a", NarSample.file(content)), ("z", NarSample.file("1".utf8))))
    let other = NarSample.nar(NarSample.directory(("a", NarSample.file(content)), ("z", NarSample.file("2".utf8))))
    let openings = Mutex(0)
    let source = BlobSource {
      ByteStream(
        openings.withLock { count in
          count += 1
          return count == 1 ? nar : other
        })
    }
    let substitute = NarSubstitute([NarSample.path: NarSubstitute.archive(NarSample.path, source, of: nar)])
    // Also where what differs is left out.
    let recipe = try LayerRecipe([.init(NarSample.path, at: "/s")]).excluding([PathPattern("z")])
    await expectError(.damaged, naming: "\(NarSample.path)") {
      try await recipe.digests(encoding: .none, substitute: substitute)
    }
    #expect(substitute.opened.count == 2)
  }

  @Test func archivesAreFetchedWhenTheirTurnComesAndOnce() async throws {
    let numbers = 10..<50
    let nar = NarSample.nar(NarSample.directory(("f", NarSample.file([UInt8](repeating: 1, count: 1 << 18)))))
    let nars = numbers.map { (NarSample.path($0), nar) }
    let substitute = NarSubstitute(Dictionary(uniqueKeysWithValues: nars))
    let recipe = LayerRecipe(numbers.map { .init(NarSample.path($0)) })
    do {
      let stream = try await recipe.source(
        encoding: .none, parallelism: .sharing(8), substitute: substitute
      ).open().makeAsyncIterator()
      _ = try await stream.next()
      try await Task.sleep(for: .milliseconds(50))
      #expect(substitute.opened.count < 35, "\(substitute.opened.count)")
    }
    let fresh = NarSubstitute(Dictionary(uniqueKeysWithValues: nars))
    _ = try await recipe.digests(encoding: .none, substitute: fresh)
    #expect(fresh.opened == numbers.map { NarSample.path($0) })
  }

  @Test func aReaderThatGoesAwayEndsTheWaitForACache() async throws {
    let source = BlobSource {
      ByteStream {
        try await Task.sleep(for: .seconds(60))
        return nil
      }
    }
    let nar = NarSample.nar(NarSample.link("x"))
    let substitute = NarSubstitute([NarSample.path: NarSubstitute.archive(NarSample.path, source, of: nar)])
    let task = Task {
      try await LayerRecipe([.init(NarSample.path)]).digests(encoding: .none, substitute: substitute)
    }
    while substitute.opened.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}
