import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// Files that the walk has opened, and others read.
struct OpenFileTests {
  enum Disturbance: CaseIterable, Sendable {
    case vanish, replace, grow, rewrite
  }

  /// An open file can be read after its name is gone; the layer would hold what is no longer there.
  @Test(arguments: Disturbance.allCases) func aFileThatChangesAfterItWasOpenedIsNamed(_ disturbance: Disturbance)
    async throws
  {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("restless")
      try TestTree.write("as it was", to: path)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: path.string)
      let file = HostFile(path)
      let status = try #require(try HostFileSystem.open(file))
      let slot = Slot(tarCapacity: 4096)
      try slot.append(file, status, offset: 0, count: Int(status.size))
      switch disturbance {
      case .vanish: try FileManager.default.removeItem(atPath: path.string)
      case .replace:
        try TestTree.write("as it was", to: directory.appending("other"))
        rename(directory.appending("other").string, path.string)
      case .grow: try TestTree.write("as it was, and more", to: path)
      case .rewrite: try TestTree.write("as it is.", to: path)
      }
      let error = #expect(throws: TarballError.self) { try slot.complete() }
      #expect(error?.code == .changed)
      #expect(error?.message.contains("restless") == true)
    }
  }

  /// More files than may be open, large ones among them that are opened for each part: the same bytes however many threads
  /// there are, whether the walk opens the files or others do by name.
  @Test func howFilesAreOpenedDoesNotMatter() async throws {
    try await withTemporaryDirectory { directory in
      for number in 0..<1500 {
        let size = number % 300 == 7 ? 1_200_000 : number % 50 == 0 ? 70_000 : number % 90
        let parent = directory.appending("d\(number / 400)")
        if number % 400 == 0 { try TestTree.makeDirectory(parent) }
        try TestTree.write(TestTree.bytes(size, seed: UInt64(number)), to: parent.appending("f\(number)"))
      }
      let recipe = LayerRecipe([.init(directory, at: "/")])
      let tar = try await recipe.bytes(.none)
      for encoding in [LayerEncoding.none, .gzip(level: 1, by: .isal)] {
        for (fillers, slots) in [(1, 2), (1, 16), (2, 2), (2, 16), (5, 16)] {
          let parallelism = LayerParallelism(fillers: fillers, slots: slots)
          #expect(try await recipe.digests(encoding: encoding, parallelism: parallelism).diffID == .of(tar))
        }
      }
      // With a cache that might have the blocks, nothing is opened before it is asked.
      let cache = MemoryLayerCache { _ in true }
      let digest = try await recipe.digests(encoding: .gzip(level: 1, by: .isal)).digest
      #expect(Digest.of(try await recipe.bytes(.gzip(level: 1, by: .isal), cache: cache)) == digest)
    }
  }
}
