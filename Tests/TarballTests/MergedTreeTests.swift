import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// The file system that layers give together.
struct MergedTreeTests {
  private func tree(_ layers: [LayerEntry]...) async throws -> MergedTree {
    try await MergedTree(layers: layers.map { LayerRecipe([], entries: $0).source(encoding: .gzip(level: 1)) })
  }

  private func names(_ layers: [LayerEntry]...) async throws -> [String] {
    var tree = MergedTree()
    for layer in layers {
      try tree.apply(try await LayerRecipe([], entries: layer).digestsAndListing(encoding: .none).listing)
    }
    return tree.entries.map(\.listing.name)
  }

  @Test func whiteoutsHideWhatLowerLayersHave() async throws {
    let base: [LayerEntry] = [
      .init("/a/x", .file([1])), .init("/a/y", .file([2])), .init("/b/c/d", .file([3])), .init("/e", .file([4])),
    ]
    #expect(try await names(base, [.init("/a/x", .whiteout)]) == ["a", "a/y", "b", "b/c", "b/c/d", "e"])
    #expect(try await names(base, [.init("/b", .whiteout), .init("/e", .whiteout)]) == ["a", "a/x", "a/y"])
    #expect(
      try await names(base, [.init("/nothing/here", .whiteout)]) == [
        "a", "a/x", "a/y", "b", "b/c", "b/c/d", "e", "nothing",
      ])
    // Opaque: what the same layer has stays, wherever the marker is.
    #expect(
      try await names(base, [.init("/a", .opaqueDirectory), .init("/a/-first", .file([])), .init("/a/y", .file([5]))])
        == ["a", "a/-first", "a/y", "b", "b/c", "b/c/d", "e"])
    // A whiteout and a new thing of the same name in one layer.
    let tree = try await tree(base, [.init("/a/x", .whiteout), .init("/a/x", .file([9, 9]))])
    let entry = try #require(tree.entries.first { $0.listing.name == "a/x" })
    #expect(entry.listing.digest == .of([9, 9]))
    #expect(entry.layer == 1)
    #expect(tree.entries.first { $0.listing.name == "e" }?.layer == 0)
    #expect(tree.layerCount == 2)
  }

  @Test func laterLayersReplaceAndMerge() async throws {
    let base: [LayerEntry] = [.init("/d/file", .file([1])), .init("/f", .file([1]))]
    // A directory over a directory changes its attributes alone; anything over anything else replaces it.
    let merged = try await tree(base, [.init("/d", .directory, mode: 0o700)])
    #expect(merged.entries.map(\.listing.name) == ["d", "d/file", "f"])
    #expect(merged.entries[0].listing.mode == 0o700)
    #expect(try await names(base, [.init("/d", .file([]))]) == ["d", "f"])
    #expect(try await names(base, [.init("/f/inside", .file([]))]) == ["d", "d/file", "f", "f/inside"])
  }

  @Test func hardLinksAreFilesOfTheirOwn() async throws {
    let tree = try await tree(
      [.init("/a", .file([1, 2]), mode: 0o600)], [.init("/copy", .file([3])), .init("/link", .hardLink(to: "/copy"))],
      [.init("/copy", .whiteout)])
    let link = try #require(tree.entries.first { $0.listing.name == "link" })
    #expect(link.listing.kind == .file)
    #expect(link.listing.digest == .of([3]))
    #expect(tree.entries.map(\.listing.name) == ["a", "link"])
    // To a file of a lower layer, as containers' own layers have them.
    var other = MergedTree()
    try other.apply(LayerListing(entries: [Self.file("low", [7])]))
    var entry = LayerListing.Entry(path: Array("high".utf8), kind: .hardLink)
    entry.linkTarget = Array("low".utf8)
    try other.apply(LayerListing(entries: [entry]))
    #expect(other.entries.map(\.listing.digest) == [.of([7]), .of([7])])
    entry.linkTarget = Array("nowhere".utf8)
    let dangling = LayerListing(entries: [entry])
    await expectError(.invalidArchive, naming: "nowhere") { try other.apply(dangling) }
  }

  @Test func filesThatUpperLayersHideAreTold() async throws {
    let base: [LayerEntry] = [
      .init("/a", .file([1, 2])), .init("/d/x", .file([3])), .init("/d/y/z", .file([4, 5, 6])),
      .init("/kept", .file([7])),
      .init("/link", .symlink(target: Array("kept".utf8))),
    ]
    let tree = try await tree(
      base, [.init("/a", .file([8])), .init("/d", .opaqueDirectory), .init("/link", .whiteout)],
      [.init("/a", .directory)])
    let hidden = tree.hiddenFiles
    #expect(hidden.map(\.listing.name) == ["d/x", "d/y/z", "a", "a"])
    #expect(hidden.map(\.listing.size) == [1, 3, 2, 1])
    #expect(hidden.map(\.layer) == [0, 0, 0, 1])
    #expect(hidden.map(\.hiddenBy) == [1, 1, 1, 2])
    #expect(try await self.tree(base).hiddenFiles.isEmpty)
  }

  @Test func aFileIsHiddenWhenAllOfItsNamesAre() async throws {
    let layers: [[LayerEntry]] = [
      [.init("/first", .file([1, 2])), .init("/second", .hardLink(to: "/first"))], [.init("/first", .whiteout)],
      [.init("/second", .whiteout)],
    ]
    let both = try await tree(layers[0])
    #expect(both.entries.map(\.isFurtherName) == [false, true])
    let one = try await tree(layers[0], layers[1])
    #expect(one.hiddenFiles.isEmpty)
    #expect(one.entries.map(\.isFurtherName) == [false])
    let none = try await tree(layers[0], layers[1], layers[2])
    #expect(none.hiddenFiles.map(\.listing.name) == ["first"])
  }

  private static func file(_ path: String, _ bytes: [UInt8]) -> LayerListing.Entry {
    var entry = LayerListing.Entry(path: Array(path.utf8), kind: .file)
    entry.digest = .of(bytes)
    return entry
  }

  private static func link(_ path: String, to target: String) -> LayerListing.Entry {
    var entry = LayerListing.Entry(path: Array(path.utf8), kind: .symlink)
    entry.linkTarget = Array(target.utf8)
    return entry
  }

  @Test func linksOnTheWayAreFollowedInsideTheTree() async throws {
    var tree = MergedTree()
    try tree.apply(
      LayerListing(entries: [
        Self.link("lib", to: "usr/lib"), Self.link("up", to: "../../../usr"), Self.link("abs", to: "/usr"),
      ]))
    try tree.apply(LayerListing(entries: [Self.file("lib/a", [1]), Self.file("up/b", [2]), Self.file("abs/c", [3])]))
    #expect(tree.entries.map(\.listing.name) == ["abs", "lib", "up", "usr", "usr/b", "usr/c", "usr/lib", "usr/lib/a"])
    // A whiteout through a link deletes there too.
    try tree.apply(LayerListing(entries: [Self.file("lib/.wh.a", [])]))
    #expect(!tree.entries.map(\.listing.name).contains("usr/lib/a"))
    try tree.apply(LayerListing(entries: [Self.link("one", to: "two"), Self.link("two", to: "one")]))
    var circle = tree
    await expectError(.invalidArchive, naming: "circle") {
      try circle.apply(LayerListing(entries: [Self.file("one/x", [])]))
    }
  }

  @Test func namesThatLeadOutAreRefused() async {
    for path in ["../x", "a/../../x", "a/.."] {
      var tree = MergedTree()
      await expectError(.unsafePath, naming: path) { try tree.apply(LayerListing(entries: [Self.file(path, [])])) }
    }
    var tree = MergedTree()
    await expectError(.invalidArchive, naming: "nothing") {
      try tree.apply(LayerListing(entries: [Self.file("a/.wh.", [])]))
    }
    await expectError(.invalidArchive, naming: "no directory") {
      try tree.apply(LayerListing(entries: [Self.file("f", []), Self.file("f/g", [])]))
    }
  }

  @Test func deepAndNestedTreesNeedNoStack() async throws {
    var tree = MergedTree()
    let deep = Array(repeating: "d", count: 5000).joined(separator: "/")
    try tree.apply(LayerListing(entries: [Self.file(deep, [1])]))
    #expect(tree.entries.count == 5000)
    try tree.apply(LayerListing(entries: [Self.file(".wh.d", [])]))
    #expect(tree.entries.count == 0)
    // Links that make paths longer and longer end at a limit.
    let long = Array(repeating: String(repeating: "n", count: 250), count: 40).joined(separator: "/")
    var endless = MergedTree()
    try endless.apply(LayerListing(entries: [Self.file(long + "/end", [1]), Self.link("l", to: long)]))
    await expectError(.limitExceeded) { try endless.apply(LayerListing(entries: [Self.file("l/" + long, [])])) }
  }

  /// What umoci unpacks is what the tree says, over layers that replace, hide and link.
  @Test(.enabled(if: Tool.areInstalled("umoci")), arguments: [81, 82, 83, 84] as [UInt64])
  func umociUnpacksTheSameTree(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      let layers = RandomLayers(seed: seed).layers
      let encodings: [LayerEncoding] = [.gzip(level: 1, by: .libdeflate), .none]
      try await TestTree.writeImage(
        layers.enumerated().map { ($0.element, encodings[$0.offset % 2]) }, to: directory.appending("image"))
      try await Tool.run("umoci", ["unpack", "--rootless", "--image", "image:t", "bundle"], in: directory)
      let unpacked = try await LayerRecipe([.init(directory.appending("bundle/rootfs"), at: "/")])
        .digestsAndListing(encoding: .none).listing
      var tree = MergedTree()
      for layer in layers { try tree.apply(try await Archive(layer.source(encoding: .none)).listing()) }
      #expect(unpacked.changes(since: tree.listing).map(\.description) == [])
      #expect(tree.entries.count > 10)
    }
  }
}

/// Layers over each other, at random: files, directories and links that replace one another, whiteouts of what is there.
struct RandomLayers {
  private(set) var layers: [LayerRecipe] = []

  init(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let names = ["a", "b", "c", "-d", "ü"]
    for _ in 0..<5 {
      var entries: [String: LayerEntry] = [:]
      var directories: Set<String> = []
      for _ in 0..<14 {
        let depth = Int.random(in: 1...3, using: &generator)
        let parts = (0..<depth).map { _ in names[Int.random(in: 0..<names.count, using: &generator)] }
        let path = "/" + parts.joined(separator: "/")
        let parents = (1..<depth).map { "/" + parts[..<$0].joined(separator: "/") }
        // Within one layer everything has its place.
        guard entries[path] == nil, !directories.contains(path),
          parents.allSatisfy({ entries[$0] == nil || directories.contains($0) })
        else { continue }
        directories.formUnion(parents)
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: entries[path] = LayerEntry(FilePath(path), .symlink(target: Array("target".utf8)))
        case 1:
          entries[path] = LayerEntry(FilePath(path), .directory, mode: 0o700)
          directories.insert(path)
        case 2: entries["\(path) whiteout"] = LayerEntry(FilePath(path), .whiteout)
        case 3 where depth > 1:
          entries["\(parents.last!) opaque"] = LayerEntry(FilePath(parents.last!), .opaqueDirectory)
        default:
          entries[path] = LayerEntry(FilePath(path), .file(generator.bytes(Int.random(in: 0..<50, using: &generator))))
        }
      }
      layers.append(LayerRecipe([], entries: Array(entries.values)))
    }
  }
}
