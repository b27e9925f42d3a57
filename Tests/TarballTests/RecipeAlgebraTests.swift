import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// What can be done to recipes, the same for entries, trees and archives; and the patterns that say where.
struct RecipeAlgebraTests: LayerProbe {
  enum Form: CaseIterable { case entries, tree, archive }

  private func withFiles(_ form: Form, _ body: (LayerRecipe) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let archive = directory.appending("files.tar")
      try FileSystem.replace(archive, with: try await bytes(of: Self.files))
      switch form {
      case .entries: try await body(Self.files)
      case .archive: try await body(LayerRecipe([.init(archive: archive)]))
      case .tree:
        _ = try FileSystem.createDirectories(directory.appending("tree"))
        _ = try await Tool.run("tar", ["-xpf", archive.string], in: directory.appending("tree"))
        try await body(LayerRecipe([.init(directory.appending("tree"), at: "/")]))
      }
    }
  }

  @Test(arguments: Form.allCases) func excludedPathsAreLeftOut(form: Form) async throws {
    try await withFiles(form) { files in
      let recipe = try files.excluding([PathPattern("*.map"), PathPattern("/etc")])
      #expect(
        try await names(recipe) == ["app", "app/build", "app/build/index.js", "app/empty", "app/package.json"])
    }
  }

  @Test(arguments: Form.allCases) func nothingButWhatIsKeptIsThere(form: Form) async throws {
    try await withFiles(form) { files in
      let recipe = try files.keeping(only: [PathPattern("/app/**/*.js"), PathPattern("/etc/link")])
      #expect(try await names(recipe) == ["app", "app/build", "app/build/index.js", "etc", "etc/link"])
      let both = try recipe.keeping(only: [PathPattern("/app")])
      #expect(try await names(both) == ["app", "app/build", "app/build/index.js"])
    }
  }

  @Test(arguments: Form.allCases) func thingsMoveWithTheirRules(form: Form) async throws {
    try await withFiles(form) { files in
      let recipe = try files.excluding([PathPattern("/app/build/*.map")]).moving("/app/build", to: "/srv/www")
        .changing(PathPattern("/srv/www/*.js"), .mode(0o600))
      #expect(
        try await names(recipe)
          == [
            "app", "app/empty", "app/package.json", "etc", "etc/app.conf", "etc/link", "srv", "srv/www",
            "srv/www/index.js",
          ])
      #expect(try await entry("srv/www/index.js", in: recipe)?.mode == 0o600)
      let stripped = try files.strippingPrefix("/app")
      #expect(try await names(stripped) == ["build", "build/index.js", "build/index.js.map", "empty", "package.json"])
      let nothing = try files.strippingPrefix("/nowhere")
      #expect(try await names(nothing) == [])
    }
  }

  @Test(arguments: Form.allCases) func metadataChangesWhereAPatternMatches(form: Form) async throws {
    try await withFiles(form) { files in
      let capability = try ExtendedAttribute.fileCapabilities("cap_net_bind_service=ep")
      let recipe = try files.changing(PathPattern("/app"), .owner(1000, 1000), isRecursive: true)
        .changing(
          PathPattern("/app/package.json"),
          MetadataChange(
            fileMode: 0o4750, userName: "app", modificationTime: 7,
            extendedAttributes: [ExtendedAttribute.capabilityName: capability],
            paxRecords: ["VENDOR.note": Array("hi".utf8)]), isRequired: true)
      let changed = try #require(try await entry("app/package.json", in: recipe))
      #expect(changed.uid == 1000 && changed.mode == 0o4750 && changed.userName == Array("app".utf8))
      #expect(changed.modificationTime == 7)
      #expect(changed.extendedAttributes.first?.value.count == 20)
      #expect(try await entry("app/build/index.js", in: recipe)?.gid == 1000)
      #expect(try await entry("etc/app.conf", in: recipe)?.uid == 0)
      #expect(String(decoding: try await bytes(of: recipe), as: UTF8.self).contains("22 VENDOR.note=hi\n") == false)
      #expect(String(decoding: try await bytes(of: recipe), as: UTF8.self).contains(" VENDOR.note=hi\n"))
    }
  }

  @Test(arguments: Form.allCases) func metadataForAPathThatIsNotThereIsAnError(form: Form) async throws {
    try await withFiles(form) { files in
      let error = await #expect(throws: TarballError.self) {
        let recipe = try files.changing(PathPattern("/app/misspelt"), .mode(0o600), isRequired: true)
        _ = try await recipe.digests(encoding: .none)
      }
      #expect(error?.message.contains("/app/misspelt") == true)
    }
  }

  @Test func differentFilesAtOnePathAreAnErrorThatNamesBothUnlessTheLastWins() async throws {
    try await withTemporaryDirectory { directory in
      for (name, content) in [("lower", "old"), ("upper", "new")] {
        _ = try FileSystem.createDirectories(directory.appending(name).appending("etc"))
        try FileSystem.replace(directory.appending("\(name)/etc/conf"), with: Array(content.utf8))
        try FileSystem.replace(directory.appending("\(name)/etc/\(name)"), with: [])
      }
      let lower = LayerRecipe([.init(directory.appending("lower"), at: "/")])
      let upper = LayerRecipe([.init(directory.appending("upper"), at: "/")])
      let error = await #expect(throws: TarballError.self) {
        try await lower.merged(with: upper).digests(encoding: .none)
      }
      #expect(error?.code == .conflict)
      #expect(error?.message.contains("lower/etc/conf") == true && error?.message.contains("upper/etc/conf") == true)
      let overlay = lower.merged(with: upper, conflicts: .lastWins)
      #expect(try await names(overlay) == ["etc", "etc/conf", "etc/lower", "etc/upper"])
      #expect(try await entry("etc/conf", in: overlay)?.digest == .of(Array("new".utf8)))
      let reversed = upper.merged(with: lower, conflicts: .lastWins)
      #expect(try await entry("etc/conf", in: reversed)?.digest == .of(Array("old".utf8)))
      #expect(overlay.fingerprint != reversed.fingerprint)
      // A file takes the place of a directory, and the other way round.
      let file = LayerRecipe([], entries: [.init("/etc", .file([1]))])
      #expect(try await names(lower.merged(with: file, conflicts: .lastWins)) == ["etc"])
    }
  }

  @Test func aPartOfATreeIsNotReachedThroughALink() async throws {
    try await withTemporaryDirectory { directory in
      let tree = directory.appending("tree")
      _ = try FileSystem.createDirectories(tree)
      _ = try await Tool.run("ln", ["-s", "/etc", "out"], in: tree)
      let recipe = try LayerRecipe([.init(tree, at: "/")]).moving("/out/passwd", to: "/stolen")
      #expect(try await names(recipe) == ["out"])
    }
  }

  @Test func linksAreFollowedOnlyWhenAskedAndNotForEver() async throws {
    try await withTemporaryDirectory { directory in
      try await Tool.run(
        "sh",
        [
          "-c",
          "mkdir -p tree real/sub && echo a > real/sub/a && ln -s ../real tree/dir && ln -s ../real/sub/a tree/file",
        ], in: directory)
      var source = LayerRecipe.Source(directory.appending("tree"), at: "/")
      #expect(try await names(LayerRecipe([source])) == ["dir", "file"])
      #expect(try await entry("dir", in: LayerRecipe([source]))?.kind == .symlink)
      source.followsLinks = true
      #expect(try await names(LayerRecipe([source])) == ["dir", "dir/sub", "dir/sub/a", "file"])
      #expect(try await entry("file", in: LayerRecipe([source]))?.kind == .file)
      try await Tool.run("sh", ["-c", "ln -s . real/again"], in: directory)
      let recipe = LayerRecipe([source])
      let error = await #expect(throws: TarballError.self) { try await recipe.digests(encoding: .none) }
      #expect(error?.message.contains("circle") == true)
      try await Tool.run("sh", ["-c", "rm real/again; ln -s nowhere real/again"], in: directory)
      let dangling = await #expect(throws: TarballError.self) { try await recipe.digests(encoding: .none) }
      #expect(dangling?.code == .unreadable)
    }
  }

  // MARK: Patterns

  @Test(
    arguments: [
      ("*.map", "a/b/x.map", true), ("*.map", "x.map/y", false), ("/a/*", "a/b", true), ("/a/*", "a/b/c", false),
      ("/a/**", "a/b/c", true), ("/a/**/z", "a/z", true), ("/a/**/z", "a/b/c/z", true), ("/a/**/z", "a/bz", false),
      ("a/b", "a/b", true), ("a/b", "x/a/b", false), ("**/b", "b", true), ("f?o", "x/foo", true), ("f?o", "f/o", false),
      ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false), ("\\*", "*", true), ("\\*", "a", false),
      ("a**b", "a/x/b", true),
      ("node_modules/", "x/node_modules", true), ("/", "", true), ("/", "a", false),
    ])
  func patternsMatch(pattern: String, path: String, isMatch: Bool) throws {
    #expect(try PathPattern(pattern).matches(Array(path.utf8)) == isMatch)
  }

  @Test func theRootAsAPatternIsEverything() throws {
    #expect(try PathPattern("/").matchesOrContains(Array("a/b".utf8)))
    #expect(try PathPattern("/a").matchesOrContains(Array("a/b".utf8)))
    #expect(try !PathPattern("/a").matchesOrContains(Array("ab".utf8)))
  }

  @Test func fingerprintsOfDifferentRulesDiffer() throws {
    let source = LayerRecipe([.init("/nix/store/x", at: "/x")])
    let recipes = try [
      source.excluding([PathPattern("lib"), PathPattern("share")]), source.excluding([PathPattern("lib,share")]),
      source.excluding([PathPattern("path:x")]), source.excluding([PathPattern(exactly: "x")]),
      source.changing(PathPattern("a"), MetadataChange(userName: "a", groupName: "b")),
      source.changing(PathPattern("a"), MetadataChange(userName: "a,gname=b")), source,
    ]
    #expect(Set(recipes.map(\.fingerprint)).count == recipes.count)
  }

  @Test func anEmptyTarCanBeALayerAsItIs() async throws {
    try await withTemporaryDirectory { directory in
      try FileSystem.replace(directory.appending("e.tar"), with: [UInt8](repeating: 0, count: 1024))
      let recipe = LayerRecipe(verbatimTar: directory.appending("e.tar"))
      #expect(try await recipe.digests(encoding: .none).size == 1024)
      try FileSystem.replace(directory.appending("e.tar"), with: [UInt8](repeating: 0, count: 1023) + [1])
      await #expect(throws: TarballError.self) { try await recipe.digests(encoding: .none) }
    }
  }

  @Test func aSourceThatIsNamedAgainCountsAsTheLast() async throws {
    try await withTemporaryDirectory { directory in
      for name in ["a", "b"] {
        _ = try FileSystem.createDirectories(directory.appending(name))
        try FileSystem.replace(directory.appending("\(name)/file"), with: Array(name.utf8))
      }
      let (a, b) = (
        LayerRecipe.Source(directory.appending("a"), at: "/"), LayerRecipe.Source(directory.appending("b"), at: "/")
      )
      var recipe = LayerRecipe([a, b, a])
      recipe.conflicts = .lastWins
      #expect(try await entry("file", in: recipe)?.digest == .of(Array("a".utf8)))
    }
  }

  @Test func patternsThatMakeNoSenseAreErrorsAndNoneTakesLong() throws {
    for text in ["", "a/../b", "[abc", "a\\"] {
      #expect(throws: TarballError.self) { try PathPattern(text) }
    }
    let slow = try PathPattern(String(repeating: "**/*a*", count: 30))
    #expect(!slow.matches([UInt8](repeating: UInt8(ascii: "a"), count: 4000) + [UInt8(ascii: "/")]))
  }
}
