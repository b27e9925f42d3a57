import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// What each encoding's contract promises.
struct EncodingTests {
  private static let all: [LayerEncoding] = [
    .gzip(level: 1), .gzip(level: 6), .gzip(level: 9), .gzip(level: 1, by: .libdeflate),
    .gzip(level: 3, by: .libdeflate), .gzip(level: 6, by: .libdeflate), .gzip(level: 9, by: .libdeflate),
    .gzip(level: 1, by: .isal), .gzip(level: 2, by: .isal), .zstd(level: 1),
    .zstd(level: 2), .zstd(level: 3),
  ]

  @Test(arguments: all) func theCanaryHonoursEveryContractHere(encoding: LayerEncoding) throws {
    try EncodingCanary.verify(encoding)
    #expect(try LayerEncoding(parsing: encoding.description) == encoding)
  }

  @Test(
    arguments: [
      .gzip(level: 0), .gzip(level: 10), .gzip(level: 12, by: .libdeflate), .gzip(level: 0, by: .isal),
      .gzip(level: 3, by: .isal), .zstd(level: 0),
      .zstd(level: 4), .zstd(level: 19),
    ] as [LayerEncoding])
  func levelsOutsideTheContractAreRefused(encoding: LayerEncoding) async {
    await expectError(.invalidRecipe) { try await LayerRecipe([]).digests(encoding: encoding) }
    #expect(throws: TarballError.self) { try LayerEncoding(parsing: encoding.description) }
  }

  /// 3.2 MiB of words and noise, in the tar of one file.
  @Test(
    arguments: [
      (.gzip(level: 6), "10ca514980fb8700548b4436fc063dd2ea1ce4e02763d357cf5094242d55fa55"),
      (.gzip(level: 3, by: .libdeflate), "4cf9d497c706cb3aa52ed364201ae76345c4a937e36ca12a8d743af7573ab19a"),
      (.gzip(level: 6, by: .libdeflate), "68a866e1445ac81f505ae410252d47c9ab296a386eb8ba2dca5f3ef2238ce45f"),
      (.gzip(level: 1, by: .isal), "6ac9ceb8a1d01b49ac6224272cb0ad61d740f5b9574fa01034b2178e660458e1"),
      (.zstd(level: 3), "f363b06bc955f098e9282aab63efb3e1c3878ebc5b00937c325fdf257ef25bc0"),
    ] as [(LayerEncoding, String)])
  func everyEncodingHasItsGoldenDigest(encoding: LayerEncoding, hex: String) async throws {
    let recipe = LayerRecipe([], entries: [.init("/bytes", .file(TestTree.bytes(3_300_000, seed: 7)))])
    let found = try await recipe.digests(encoding: encoding).digest.hex
    #expect(found == hex)
  }

  @Test(.enabled(if: Tool.areInstalled("gzip", "zstd", "pigz", "bsdtar")), arguments: all)
  func otherPeoplesDecodersGiveTheTarBack(encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      try await TestTree.random(21, at: directory.appending("tree"))
      try TestTree.write(TestTree.bytes(5_000_000, seed: 3), to: directory.appending("tree/large"))
      var generator = SeededGenerator(seed: 4)
      try TestTree.write(generator.bytes(300_000), to: directory.appending("tree/noise"))
      let recipe = LayerRecipe([.init(directory.appending("tree"), at: "/")])
      let tar = try await recipe.bytes()
      try TestTree.write(try await recipe.bytes(encoding), to: directory.appending("layer"))
      let programs = if case .zstd = encoding { ["zstd -dcq"] } else { ["gzip -dc", "pigz -dc"] }
      for program in programs {
        let result = try await Tool.result(
          of: "/bin/sh", ["-c", "\(program) < layer > tar && \(program) -t < layer"], in: directory)
        #expect(result.status == 0 && result.errors == "")
        #expect(try TestTree.read(directory.appending("tar")) == tar)
      }
      // One member, as some readers take only the first.
      if case .gzip = encoding { #expect(try singleMember(directory.appending("layer"))) }
    }
  }

  /// The contract, written a second time.
  private static let contract = #"""
    import sys, zlib, struct
    tar = open(sys.argv[1], 'rb').read()
    level = int(sys.argv[2])
    out = bytes([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
    for start in range(0, len(tar), 1 << 20):
        deflate = zlib.compressobj(level, zlib.DEFLATED, -15, 8)
        out += deflate.compress(tar[start:start + (1 << 20)]) + deflate.flush(zlib.Z_SYNC_FLUSH)
    sys.stdout.buffer.write(out + b'\x03\0' + struct.pack('<II', zlib.crc32(tar), len(tar) & 0xffffffff))
    """#

  @Test(.enabled(if: Tool.areInstalled("python3")), arguments: [1, 5, 9])
  func pythonsZlibMakesTheSameLayer(level: Int) async throws {
    try await withTemporaryDirectory { directory in
      try await TestTree.random(31, at: directory.appending("tree"))
      let recipe = LayerRecipe([.init(directory.appending("tree"), at: "/")])
      try TestTree.write(try await recipe.bytes(), to: directory.appending("tar"))
      let script = directory.appending("contract.py")
      try TestTree.write(Self.contract, to: script)
      let result = try await Tool.result(
        of: "/bin/sh", ["-c", "python3 contract.py tar \(level) | sha256sum"], in: directory)
      #expect(result.output.hasPrefix(try await recipe.digests(encoding: .gzip(level: level)).digest.hex))
    }
  }

  /// Whether the first member's trailer ends the file: its length field counts all of the tar.
  private func singleMember(_ path: FilePath) throws -> Bool {
    let bytes = try TestTree.read(path)
    let archive = bytes.suffix(4).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    return bytes.starts(with: GzipMember.header) && archive > 5_000_000
  }

  @Test func theDiffIDOfALayerIsFoundThroughEveryCompression() async throws {
    let recipe = LayerRecipe([], entries: [.init("/bytes", .file(TestTree.bytes(5_000_000, seed: 8)))])
    for encoding in Self.all + [.none] {
      let digests = try await recipe.digests(encoding: encoding)
      let found = try await Archive(recipe.source(encoding: encoding)).diffID()
      #expect(found.digest == digests.diffID)
      #expect(found.size == digests.uncompressedSize)
    }
  }

  // MARK: The scanner behind libdeflate

  @Test func blocksOfEverySizeAndKindEndWithAFlush() throws {
    var generator = SeededGenerator(seed: 5)
    for level in [1, 3, 6, 9] {
      let encoder = try LibdeflateEncoder(level: level)
      for round in 0..<20 {
        let count = round < 8 ? round : Int.random(in: 1...(1 << 20), using: &generator)
        let block =
          switch round % 4 {
          case 0: generator.bytes(count)
          case 1: [UInt8](repeating: 7, count: count)
          default: TestTree.bytes(count, seed: UInt64(round))
          }
        // Twice the same: a whole stream of two blocks and an end.
        var output = [UInt8](repeating: 0xAA, count: encoder.bound(count))
        var span = output.mutableSpan
        let size = try encoder.encode(block.span, into: &span)
        let stream = Array(output[..<size]) + output[..<size] + [0x03, 0x00] + [UInt8](repeating: 0xFF, count: 16)
        let end = DeflateScanner().scan(stream.span, count: 2 * size + 2)
        // The empty block at the end is the last one: nothing before it says that it is.
        #expect(end?.lastHeader == 16 * size)
      }
    }
  }

  @Test func noiseIsStoredAndWordsAreNot() throws {
    var generator = SeededGenerator(seed: 9)
    let noise = generator.bytes(10 * NoiseDetector.stretch)
    let words = TestTree.bytes(3 * NoiseDetector.stretch, seed: 2).map { $0 | 64 }
    let block = words + noise + words
    let encoder = try LibdeflateEncoder(level: 6)
    var output = [UInt8](repeating: 0, count: encoder.bound(block.count))
    var span = output.mutableSpan
    let size = try encoder.encode(block.span, into: &span)
    // Ten stored blocks with five bytes before each, and the words.
    #expect(size < noise.count + 50 + words.count)
    #expect(Array(output[..<size]).contains(Array(noise[..<1000])))
    let digest = Digest.of(Array(output[..<size])).hex
    #expect(digest == "a5cb8fd29ef3fa925ab5de83072a83c7798b8c2bee090eb0d4c67efd51f1a627")
    var detector = NoiseDetector()
    let stretch = 0..<NoiseDetector.stretch
    let verdicts = [
      detector.looksLikeNoise(noise.span, stretch), detector.looksLikeNoise(words.span, stretch),
      detector.looksLikeNoise(noise.span, 0..<stretch.count - 1),
    ]
    #expect(verdicts == [true, false, false])
  }

  @Test func brokenStreamsAreNoStreams() throws {
    var generator = SeededGenerator(seed: 6)
    let encoder = try LibdeflateEncoder(level: 6)
    let block = TestTree.bytes(50_000, seed: 1)
    var output = [UInt8](repeating: 0, count: encoder.bound(block.count))
    var span = output.mutableSpan
    let size = try encoder.encode(block.span, into: &span)
    let stream = Array(output[..<size])
    for _ in 0..<2000 {
      var broken = stream
      for _ in 0..<3 {
        broken[Int.random(in: 0..<size, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      let count = Int.random(in: 0...size, using: &generator)
      broken += [UInt8](repeating: 0, count: 8)
      // Whatever it says, it must come back, and point into the stream.
      if let end = DeflateScanner().scan(broken.span, count: count) { #expect(end.end <= 8 * count) }
    }
    #expect(DeflateScanner().scan([UInt8](repeating: 0, count: 4).span, count: 4) == nil)
  }

  #if arch(x86_64)
    /// ISA-L takes a part of an address for a string of the block; strings with the same hash must not show it.
    @Test(arguments: [1, 2], [0, 1, 2]) func bytesDoNotDependOnWhereTheEncoderIs(level: Int, position: Int) throws {
      for seed in 1...12 as ClosedRange<UInt64> {
        let encoders = [try ISALEncoder(level: level), try ISALEncoder(level: level)]
        let hash = encoders[0].addressHash(place: 0)
        // Once in some thousands they are in places that are alike.
        if hash == encoders[1].addressHash(place: 0) { continue }
        var random = SeededGenerator(seed: seed)
        var block = TestTree.bytes(300_000, seed: seed)
        var string: UInt32
        repeat { string = UInt32(truncatingIfNeeded: random.next()) } while ISALEncoder.hash(string) != hash
        for index in 0..<4 { block[position + index] = UInt8(truncatingIfNeeded: string >> UInt32(8 * index)) }
        // Where a match with the beginning would be found.
        for place in stride(from: 3000, to: 290_000, by: 10_000) {
          for index in 0..<24 { block[place + index] = block[index] }
        }
        var results: [Digest] = []
        for encoder in encoders {
          var output = [UInt8](repeating: 0, count: encoder.bound(block.count))
          var span = output.mutableSpan
          let count = try encoder.encode(block.span, into: &span)
          results.append(.of(Array(output.prefix(count))))
        }
        #expect(results[0] == results[1])
      }
    }
  #endif
}
