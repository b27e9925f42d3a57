import Foundation
import OCICore
import OCITesting
import Synchronization
import SystemPackage
import Testing

@testable import Tarball

/// A cache changes what is read and computed, never the bytes.
struct LayerCacheTests {
  /// Counts what a cache is asked and what it gives.
  private final class Recorder: LayerCache {
    let cache: MemoryLayerCache
    let hits = Mutex<[String: Int]>([:])
    let keepsDigests: Bool
    init(_ cache: MemoryLayerCache = MemoryLayerCache(admits: { _ in true }), keepsDigests: Bool = false) {
      self.cache = cache
      self.keepsDigests = keepsDigests
    }
    private func note<Value>(_ kind: String, _ value: Value?) -> Value? {
      if value != nil { hits.withLock { $0[kind, default: 0] += 1 } }
      return value
    }
    func admits(_ source: LayerRecipe.Source) -> Bool { cache.admits(source) }
    func count(_ kind: String) -> Int { hits.withLock { $0[kind] ?? 0 } }
    func digests(for fingerprint: String) -> LayerDigests? {
      keepsDigests ? note("digests", cache.digests(for: fingerprint)) : nil
    }
    func store(_ digests: LayerDigests, for fingerprint: String) { cache.store(digests, for: fingerprint) }
    func checkpoint(for fingerprint: String) -> LayerCheckpoint? {
      // As it would be from a file.
      note("checkpoint", cache.checkpoint(for: fingerprint).flatMap { LayerCheckpoint(bytes: $0.bytes) })
    }
    func store(_ checkpoint: LayerCheckpoint, for fingerprint: String) { cache.store(checkpoint, for: fingerprint) }
    func block(for key: EncodedBlock.Key) -> EncodedBlock? { note("block", cache.block(for: key)) }
    func store(_ block: EncodedBlock, for key: EncodedBlock.Key) { cache.store(block, for: key) }
  }

  /// Store paths of many sizes, around the one from which a source is encoded on its own.
  private func makeStore(in directory: FilePath) throws -> [FilePath] {
    let sizes = [3_000_000, 1000, 200_000, (256 << 10) - 512, (256 << 10) - 511, 0, 1_500_000, 700_000, 40, 5_000_000]
    return try sizes.enumerated().map { index, size in
      let path = directory.appending("path-\(index)")
      try TestTree.makeDirectory(path.appending("bin"))
      try TestTree.write(TestTree.bytes(size, seed: UInt64(index)), to: path.appending("bin/file"))
      return path
    }
  }

  private func recipe(_ paths: some Sequence<FilePath>) -> LayerRecipe {
    LayerRecipe(paths.map { .init($0, at: FilePath("/nix/store").appending($0.lastComponent!)) })
  }

  private static let encodings: [LayerEncoding] = [
    .none, .gzip(level: 1), .gzip(level: 1, by: .libdeflate), .gzip(level: 1, by: .isal), .zstd(level: 1),
  ]

  @Test(arguments: encodings) func offeredBlocksGiveTheSameBytesAsNone(encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      let paths = try makeStore(in: directory)
      let cache = Recorder()
      // Filled by layers that hold each path in other company.
      for part in [paths[0...0], paths[1...6], paths[7...], paths[2...4], paths[5...9]] {
        _ = try await recipe(part).digests(encoding: encoding, cache: cache)
      }
      let all = recipe(paths)
      let plain = try await all.digests(encoding: encoding)
      #expect(try await all.digests(encoding: encoding, cache: cache) == plain)
      #expect(Digest.of(try await all.bytes(encoding, cache: cache)) == plain.digest)
      if encoding != .none { #expect(cache.count("block") > 5) }
    }
  }

  @Test func aLayerOfKnownBlocksIsSentWithoutReadingThem() async throws {
    try await withTemporaryDirectory { directory in
      let paths = try makeStore(in: directory)
      let cache = MemoryLayerCache { _ in true }
      let recipe = recipe([paths[0], paths[9]])
      let digests = try await recipe.digests(encoding: .gzip(level: 1), cache: cache)
      // The same size and time, other content: whoever read it would give another digest.
      let file = paths[9].appending("bin/file")
      let attributes = try FileManager.default.attributesOfItem(atPath: file.string)
      try TestTree.write([UInt8](repeating: 1, count: 5_000_000), to: file)
      try FileManager.default.setAttributes(
        [.modificationDate: try #require(attributes[.modificationDate])], ofItemAtPath: file.string)
      let bytes = try await recipe.source(encoding: .gzip(level: 1), cache: cache).open().collect(upTo: 1 << 30)
      #expect(Digest.of(bytes) == digests.digest)
    }
  }

  @Test func blocksThatDoNotBelongToTheirSourceCountAsAbsent() async throws {
    try await withTemporaryDirectory { directory in
      let paths = try makeStore(in: directory)
      let cache = MemoryLayerCache { _ in true }
      let recipe = recipe([paths[0]])
      let plain = try await recipe.digests(encoding: .gzip(level: 1))
      let segment = LayerRecipe([recipe.sources[0]]).fingerprint
      for number in 0..<3 {
        let key = EncodedBlock.Key(segment: segment, encoding: LayerEncoding.gzip(level: 1).identifier, number: number)
        cache.store(EncodedBlock(bytes: [1, 2, 3], checksum: GzipChecksum(crc: 7, length: 1 << 20)), for: key)
      }
      #expect(try await recipe.digests(encoding: .gzip(level: 1), cache: cache) == plain)
    }
  }

  /// A source whose tar ends where a block does has no block that could say that it is complete.
  @Test(arguments: encodings) func aSourceThatEndsWithABlockIsNotTakenForMore(encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      let cache = MemoryLayerCache { _ in true }
      let names = ["a", "b", "c"]
      // Two directories and a header come before the content of the first.
      for (name, size) in zip(names, [encoding.cut.size - 3 * 512, 1000, 2000]) {
        let path = directory.appending(name)
        try TestTree.makeDirectory(path.appending("bin"))
        try TestTree.write(TestTree.bytes(size, seed: 1), to: path.appending("bin/file"))
      }
      for others in [["a", "b"], ["a", "c"], ["a"]] {
        let recipe = recipe(others.map { directory.appending($0) })
        #expect(try await recipe.digests(encoding: encoding, cache: cache) == recipe.digests(encoding: encoding))
      }
    }
  }

  @Test(arguments: encodings) func unchangedLeadingSourcesAreNotReadAgain(encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      let paths = try makeStore(in: directory)
      let cache = Recorder()
      _ = try await recipe(paths.dropLast()).digests(encoding: encoding, cache: cache)
      // The last one is new; the others are gone, and nobody must notice up to where the hashes are known.
      let last = directory.appending("path-91")
      try TestTree.makeDirectory(last)
      try TestTree.write(TestTree.bytes(900_000, seed: 91), to: last.appending("file"))
      let next = recipe(paths.dropLast() + [last])
      let plain = try await next.digests(encoding: encoding)
      for path in paths[..<7] { try FileManager.default.removeItem(atPath: path.string) }
      #expect(try await next.digests(encoding: encoding, cache: cache) == plain)
      #expect(cache.count("checkpoint") == 1)
    }
  }

  @Test func aKnownLayerIsNotLookedAtAtAll() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("path-0")
      try TestTree.makeDirectory(path)
      let cache = Recorder(keepsDigests: true)
      let digests = try await recipe([path]).digests(encoding: .gzip(), cache: cache)
      try FileManager.default.removeItem(atPath: path.string)
      #expect(try await recipe([path]).digests(encoding: .gzip(), cache: cache) == digests)
      await expectError(.unreadable) { try await recipe([path]).digests(encoding: .gzip(level: 1), cache: cache) }
    }
  }

  @Test func checkpointsAreKeptApartByEverythingThatChangesBytes() throws {
    let sources = ["/nix/store/a", "/nix/store/b", "/nix/store/c"].map { LayerRecipe.Source(FilePath($0)) }
    let names = LayerRecipe(sources).checkpointFingerprints(.none)
    #expect(names.count == 3)
    #expect(Set(names).count == 3)
    #expect(LayerRecipe(Array(sources[..<2])).checkpointFingerprints(.none) == Array(names[..<2]))
    #expect(Set(names).isDisjoint(with: LayerRecipe(sources).checkpointFingerprints(.gzip())))
    #expect(Set(names).isDisjoint(with: LayerRecipe(sources, metadata: .nix2container).checkpointFingerprints(.none)))
    // Something at the root, or described, or linked to others, depends on more than the sources before it.
    #expect(LayerRecipe(sources + [.init("/r", at: "/")]).checkpointFingerprints(.none) == [])
    #expect(LayerRecipe(sources, entries: [.init("/f", .fifo)]).checkpointFingerprints(.none) == [])
    #expect(LayerRecipe(sources, metadata: .init(hardLinks: .byContent)).checkpointFingerprints(.none) == [])
  }

  @Test func damagedCheckpointsAreNone() async throws {
    try await withTemporaryDirectory { directory in
      let cache = MemoryLayerCache { _ in true }
      let paths = try makeStore(in: directory)
      let recipe = recipe([paths[0]])
      _ = try await recipe.digests(encoding: .gzip(level: 1), cache: cache)
      let name = try #require(recipe.checkpointFingerprints(.gzip(level: 1)).first)
      let bytes = try #require(cache.checkpoint(for: name)).bytes
      #expect(LayerCheckpoint(bytes: bytes) == cache.checkpoint(for: name))
      for count in 0..<bytes.count { #expect(LayerCheckpoint(bytes: Array(bytes[..<count])) == nil) }
      #expect(LayerCheckpoint(bytes: [1] + bytes.dropFirst()) == nil)
      for index in bytes.indices {
        var damaged = bytes
        damaged[index] ^= 0x80
        #expect(LayerCheckpoint(bytes: damaged) == nil)
      }
    }
  }

  @Test func aDamagedBlockIsNone() {
    let block = EncodedBlock(bytes: [1, 2, 3], checksum: GzipChecksum(crc: 9, length: 7))
    func stored(_ bytes: [UInt8]) -> EncodedBlock? {
      EncodedBlock(
        bytes: bytes, uncompressedSize: block.uncompressedSize, crc32: block.crc32, encodedCRC32: block.encodedCRC32)
    }
    #expect(stored([1, 2, 3]) == block)
    #expect(stored([1, 2, 4]) == nil)
    #expect(stored([]) == nil)
  }

  @Test(arguments: encodings) func sourcesThatMayChangeAreNeitherAskedForNorStored(encoding: LayerEncoding) async throws
  {
    try await withTemporaryDirectory { directory in
      let paths = try makeStore(in: directory)
      let fickle = paths[9]
      // Everything but the last may be remembered.
      let memory = MemoryLayerCache { $0.host != fickle }
      let cache = Recorder(memory, keepsDigests: true)
      let recipe = recipe(paths)
      for _ in 0..<2 {
        let plain = try await recipe.digests(encoding: encoding)
        #expect(try await recipe.digests(encoding: encoding, cache: cache) == plain)
        try TestTree.write(TestTree.bytes(5_000_000, seed: 99), to: fickle.appending("bin/file"))
      }
      #expect(cache.count("digests") == 0)
      #expect(cache.count("checkpoint") == 1)
      #expect(memory.checkpoint(for: recipe.checkpointFingerprints(encoding)[9]) == nil)
    }
  }

  @Test func theCacheInMemoryForgetsWhatIsTooMuch() {
    let cache = MemoryLayerCache(limit: 100) { _ in true }
    let keys = (0..<5).map { EncodedBlock.Key(segment: "s", encoding: "e", number: $0) }
    for key in keys {
      cache.store(EncodedBlock(bytes: [UInt8](repeating: 0, count: 40), checksum: GzipChecksum()), for: key)
    }
    #expect(keys.map { cache.block(for: $0) != nil } == [false, false, false, true, true])
  }
}
