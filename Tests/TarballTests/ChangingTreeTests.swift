import Foundation
import OCICore
import OCITesting
import Synchronization
import SystemPackage
import Testing

@testable import Tarball

/// A tree that does not hold still, and machines that differ.
struct ChangingTreeTests {
  /// What somebody does to a file while it is read.
  enum Disturbance: String, CaseIterable, Sendable {
    case grow, shrink, vanish, becomeDirectory, becomeLink, rewrite, becomeUnreadable

    func apply(to path: FilePath) {
      let text = path.string
      switch self {
      case .grow: truncate(text, 600 << 20)
      case .shrink: truncate(text, 1)
      case .vanish: unlink(text)
      case .becomeDirectory:
        unlink(text)
        mkdir(text, 0o755)
      case .becomeLink:
        unlink(text)
        symlink("/etc/passwd", text)
      case .rewrite:
        let file = open(text, O_WRONLY)
        pwrite(file, "changed", 7, 500 << 20)
        close(file)
      case .becomeUnreadable:
        unlink(text)
        mkfifo(text, 0o600)
      }
    }
  }

  @Test(arguments: Disturbance.allCases, [LayerEncoding.none, .zstd(level: 1)])
  func aFileThatChangesWhileItIsReadIsNamed(_ disturbance: Disturbance, encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("restless")
      try TestTree.write("", to: file)
      #expect(truncate(file.string, 512 << 20) == 0)
      await expectError(.changed, naming: "restless") {
        let once = Mutex(false)
        return try await LayerRecipe([.init(file, at: "/file")]).digests(
          encoding: encoding, parallelism: LayerParallelism(fillers: 1, slots: 2)
        ) { _ in
          if once.withLock({ isDone in
            defer { isDone = true }; return !isDone
          }) {
            disturbance.apply(to: file)
          }
        }
      }
    }
  }

  @Test func aDirectoryThatVanishesIsNamed() async throws {
    try await withTemporaryDirectory { directory in
      try TestTree.write("", to: directory.appending("a-large"))
      #expect(truncate(directory.appending("a-large").string, 512 << 20) == 0)
      try TestTree.makeDirectory(directory.appending("b/late"))
      let error = await #expect(throws: TarballError.self) {
        let once = Mutex(false)
        return try await LayerRecipe([.init(directory, at: "/")]).digests(
          encoding: .none, parallelism: LayerParallelism(fillers: 1, slots: 2)
        ) { _ in
          if once.withLock({ isDone in
            defer { isDone = true }; return !isDone
          }) {
            try? FileManager.default.removeItem(atPath: directory.appending("b").string)
          }
        }
      }
      #expect(error?.message.contains("/b") == true)
    }
  }

  @Test func pathsBeyondTheSystemsLimitAreRead() async throws {
    try await withTemporaryDirectory { directory in
      // 6,000 bytes of path, made from inside, as no call takes it whole.
      let script = """
        import os,sys
        os.chdir(sys.argv[1])
        for i in range(30):
            os.mkdir('d%03d' % i + 'x' * 196); os.chdir('d%03d' % i + 'x' * 196)
        open('leaf', 'w').write('deep'); os.symlink('leaf', 'link'); os.chmod('leaf', 0o640)
        """
      try TestTree.makeDirectory(directory.appending("tree"))
      try await Tool.run("python3", ["-c", script, directory.appending("tree").string])
      let recipe = LayerRecipe([.init(directory.appending("tree"), at: "/")])
      let (_, listing) = try await recipe.digestsAndListing(encoding: .none)
      #expect(listing.entries.count == 32)
      #expect(listing.entries[30].mode == 0o640)
      #expect(listing.entries[30].digest == .of(Array("deep".utf8)))
      #expect(listing.entries[31].linkTarget == Array("leaf".utf8))
      try await Tool.run("rm", ["-rf", directory.appending("tree").string])
    }
  }

  @Test func machinesThatDifferGiveTheSameBytes() async throws {
    try await withTemporaryDirectory { directory in
      try await TestTree.random(51, at: directory.appending("one"))
      let reference = try await LayerRecipe([.init(directory.appending("one"), at: "/x")]).digests(
        encoding: .gzip(level: 1))
      // Another file system, another order in the directories, other times, another user where we may.
      var places = [directory.appending("two")]
      if access("/dev/shm", W_OK) == 0 {
        places.append(FilePath("/dev/shm/flywheel-\(UInt64.random(in: 0...UInt64.max))"))
      }
      for place in places {
        defer { try? FileManager.default.removeItem(atPath: place.string) }
        try await Tool.run(
          "/bin/sh",
          [
            "-c",
            "cd \(directory)/one && mkdir \(place) && find . -mindepth 1 -maxdepth 1 | sort -r | tar -cf - -T - | tar -xpmf - -C \(place)",
          ])
        try await Tool.run("/bin/sh", ["-c", "chown -R 12345:54321 \(place) 2> /dev/null || true"])
        let digests = try await LayerRecipe([.init(place, at: "/x")]).digests(encoding: .gzip(level: 1))
        #expect(digests == reference, "\(place)")
      }
    }
  }

  @Test func severalLayersAtOnceHaveTheDigestsOfEachAlone() async throws {
    try await withTemporaryDirectory { directory in
      var recipes: [LayerRecipe] = []
      for seed in 60..<69 as Range<UInt64> {
        try await TestTree.random(seed, at: directory.appending("\(seed)"))
        recipes.append(LayerRecipe([.init(directory.appending("\(seed)"), at: "/t")]))
      }
      for encoding in [LayerEncoding.none, .gzip(level: 1, by: .isal), .zstd(level: 1)] {
        var alone: [LayerDigests] = []
        for recipe in recipes { alone.append(try await recipe.digests(encoding: encoding)) }
        for width in [1, 2, 4, 9] {
          #expect(try await LayerRecipe.digests(of: recipes, encoding: encoding, width: width) == alone)
        }
      }
    }
  }
}
