import Foundation
import ImageAssembly
import OCICore
import OCITesting
import SystemPackage
import Tarball
import Testing

/// What is remembered of layers: bounded, shared, and never believed against the bytes.
struct LayerDigestCacheTests {
  private func listing(_ count: Int, _ name: String = "file") -> LayerListing {
    LayerListing(entries: (0..<count).map { .init(path: Array("\(name)-\($0)".utf8), kind: .file) })
  }

  @Test func whatIsInALayerIsRememberedByItsDiffID() async throws {
    try await withTemporaryDirectory { directory in
      let cache = LayerDigestCache(directory: directory.appending("cache"))
      try FileSystem.replace(directory.appending("a"), with: [1])
      let recipe = LayerRecipe([.init(directory.appending("a"), at: "/a")])
      let digests = try await recipe.digests(encoding: .gzip(), cache: cache)
      let known = try #require(cache.listing(of: digests.diffID))
      #expect(try await known == recipe.digestsAndListing(encoding: .none).listing)
      // No digest of what could change.
      #expect(cache.digests(for: recipe.fingerprint(encoding: .gzip())) == nil)
    }
  }

  @Test func whatWasUsedLongestAgoGoesWhenThereIsTooMuch() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("cache")
      let cache = LayerDigestCache(directory: path, sizeLimit: 100_000)
      for number in 0..<40 as Range<UInt8> {
        cache.store(listing(200), for: .of([number]))
        // Whatever the clock's grain: each is older than the next.
        let file = path.appending("listing-\(Digest.of([number]).hex).mtree")
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1_000_000 + Double(number))], ofItemAtPath: file.string)
      }
      let size = try FileSystem.names(in: path).reduce(Int64(0)) {
        $0 + (try FileSystem.fileSize(path.appending($1)) ?? 0)
      }
      #expect(size <= 100_000)
      #expect(cache.listing(of: .of([39])) != nil && cache.listing(of: .of([0])) == nil)
    }
  }

  @Test func manyWritersAndReadersAtOnceLoseNothing() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("cache")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for worker in 0..<8 as Range<UInt8> {
          group.addTask {
            let cache = LayerDigestCache(directory: path, sizeLimit: 200_000)
            for number in 0..<30 as Range<UInt8> {
              cache.store(listing(100, "\(number)"), for: .of([number]))
              if let read = cache.listing(of: .of([number &* worker % 30])) {
                // Whole, or not there.
                #expect(read.entries.count == 101 || read.entries.count == 100)
              }
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try !FileSystem.names(in: path).contains { $0.hasSuffix(".tmp") })
    }
  }

  @Test func aDamagedListingCountsAsAbsent() async throws {
    try await withTemporaryDirectory { directory in
      let cache = LayerDigestCache(directory: directory)
      cache.store(listing(3), for: .of([1]))
      let file = try #require(try FileSystem.names(in: directory).first)
      try FileSystem.replace(directory.appending(file), with: Array("#mtree\n\\9 type=".utf8))
      #expect(cache.listing(of: .of([1])) == nil)
    }
  }
}
