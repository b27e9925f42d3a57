import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// What the bytes of a layer promise, seen from outside.
struct LayerTests {
  private func write(_ text: String, to path: FilePath, mode: Int = 0o644) throws {
    try text.write(toFile: path.string, atomically: false, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.string)
  }

  private func makeDirectory(_ path: FilePath, mode: Int = 0o755) throws {
    try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.string)
  }

  /// The layer's bytes, written to a file and compared with the digests computed without keeping them.
  private func layer(_ recipe: LayerRecipe, _ encoding: LayerEncoding, to file: FilePath) async throws -> LayerDigests {
    let digests = try await recipe.digests(encoding: encoding)
    let bytes = try await recipe.source(encoding: encoding).open().collect(upTo: 1 << 30)
    #expect(Digest.of(bytes) == digests.digest)
    #expect(Int64(bytes.count) == digests.size)
    try Data(bytes).write(to: URL(fileURLWithPath: file.string))
    return digests
  }

  // MARK: Golden bytes

  @Test func aDirectoryAndAFileHaveTheirGoldenDigest() async throws {
    try await withTemporaryDirectory { directory in
      try makeDirectory(directory.appending("tree/d"))
      try write("abc", to: directory.appending("tree/d/a"), mode: 0o444)
      let digests = try await LayerRecipe([.init(directory.appending("tree"), at: "/")]).digests(encoding: .none)
      #expect(digests.uncompressedSize == 2560)
      #expect(digests.digest.hex == "7a0f2ff031b5d0d28ac5050fb37e1b51f09c59ef69b85b978f81738066c860cf")
      #expect(digests.diffID == digests.digest)
    }
  }

  @Test func aNameBeyondASCIIHasItsGoldenDigest() async throws {
    // Without the directory's own entry, which a recipe always has: header and padding alone, then the end blocks.
    var bytes: [UInt8] = []
    try TarHeader.append(TarEntry(path: Array("d/é".utf8), kind: .file(size: 3), mode: 0o444), to: &bytes)
    bytes += Array("abc".utf8) + [UInt8](repeating: 0, count: 509 + 1024)
    #expect(bytes.count == 3072)
    #expect(Digest.of(bytes).hex == "8e180de20c3f3d32cd1ba19616ac2ed173d89aeb88826b0f59003e8222679ea4")
  }

  @Test func anEmptyLayerIsTwoZeroBlocks() async throws {
    let digests = try await LayerRecipe([]).digests(encoding: .none)
    #expect(digests.digest == .of([UInt8](repeating: 0, count: 1024)))
  }

  @Test(arguments: [
    (1, "67f2c95cc501a6ffc052150393c367ccc8e6c1a80a4c1fea0890928cda9ad112"),
    (6, "c1d630fa7e9c21234f843cd97027a8187b208d29cc4a22dbcb288b88629a0f83"),
    (9, "7ac85302cc247d155b795eb1975329b94b95b9ff1bad72db6d8914b1057043c2"),
  ])
  func gzipHasItsGoldenDigest(level: Int, hex: String) async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("words")
      try Data((0..<3).flatMap { _ in EncodingCanary.sample }.map(\.self) + Array(repeating: 7, count: 1 << 20))
        .write(to: URL(fileURLWithPath: file.string))
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.string)
      let digests = try await LayerRecipe([.init(file, at: "/words")]).digests(encoding: .gzip(level: level))
      #expect(digests.digest.hex == hex)
    }
  }

  // MARK: Determinism

  @Test(arguments: [1, 2, 3] as [UInt64])
  func theBytesDependOnNothingButContent(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      for (name, time) in [("one", 1_000_000), ("two", 1_700_000_000)] {
        let tree = directory.appending(name)
        try makeDirectory(tree)
        try await RandomTree(seed: seed).write(into: tree)
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: Double(time))],
          ofItemAtPath: tree.appending("empty").string)
      }
      for encoding in [LayerEncoding.none, .gzip(level: 3)] {
        let reference = try await LayerRecipe([.init(directory.appending("one"), at: "/x")]).digests(encoding: encoding)
        let recipe = LayerRecipe([.init(directory.appending("two"), at: "/x")])
        for (fillers, slots) in [(1, 2), (2, 3), (5, 16)] {
          let digests = try await recipe.digests(
            encoding: encoding, parallelism: LayerParallelism(fillers: fillers, slots: slots))
          #expect(digests == reference)
        }
      }
    }
  }

  @Test func theOrderOfSourcesDoesNotMatter() async throws {
    try await withTemporaryDirectory { directory in
      for name in ["a", "b"] {
        try makeDirectory(directory.appending(name).appending("bin"))
        try write(name, to: directory.appending(name).appending("bin").appending(name))
      }
      let sources = ["a", "b"].map { LayerRecipe.Source(directory.appending($0), at: "/") }
      let forward = LayerRecipe(sources)
      let backward = LayerRecipe(sources.reversed())
      #expect(try await forward.digests(encoding: .none) == backward.digests(encoding: .none))
      #expect(forward.fingerprint == backward.fingerprint)
    }
  }

  // MARK: Other people's readers

  @Test(
    .enabled(if: Tool.areInstalled("tar", "bsdtar", "gzip")),
    arguments: [(4, LayerEncoding.none), (5, .gzip(level: 1))] as [(UInt64, LayerEncoding)])
  func gnuTarAndBsdtarReadEveryEntry(seed: UInt64, encoding: LayerEncoding) async throws {
    try await withTemporaryDirectory { directory in
      let tree = directory.appending("tree")
      try makeDirectory(tree)
      try await RandomTree(seed: seed).write(into: tree)
      let archive = directory.appending("layer")
      let digests = try await layer(LayerRecipe([.init(tree, at: "/")]), encoding, to: archive)
      if encoding != .none {
        let plain = try await Tool.result(
          of: "/bin/sh", ["-c", "gzip -t \(archive) && gzip -dc \(archive) | sha256sum"])
        #expect(plain.output.hasPrefix(digests.diffID.hex))
        #expect(plain.errors == "")
      }
      let source = try await TreeSnapshot(of: tree)
      for program in ["tar", "bsdtar"] {
        let copy = directory.appending(program)
        try makeDirectory(copy)
        let listed = try await Tool.result(
          of: program, ["-tvf", archive.string], environment: ["LC_ALL": "C.UTF-8"])
        #expect(listed.status == 0)
        #expect(listed.errors == "")
        let unpacked = try await Tool.result(
          of: program, ["-xpf", archive.string], in: copy, environment: ["LC_ALL": "C.UTF-8"])
        #expect(unpacked.errors == "")
        #expect(try await TreeSnapshot(of: copy).difference(from: source) == [])
      }
    }
  }

  // MARK: Places

  @Test func missingParentsAreMadeAndStorePathsKeepTheirPlace() async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("file")
      try write("x", to: file)
      let archive = directory.appending("layer")
      _ = try await layer(
        LayerRecipe([.init(file, at: "/nix/store/abc-x"), .init(file, at: "/b")]), .none, to: archive)
      let listing = try await Tool.result(of: "tar", ["-tf", archive.string])
      #expect(listing.output == "b\nnix/\nnix/store/\nnix/store/abc-x\n")
    }
  }

  @Test func equalThingsAtOnePathAreOneEntryAndDifferentOnesAnError() async throws {
    try await withTemporaryDirectory { directory in
      for name in ["a", "b"] {
        try makeDirectory(directory.appending(name))
        try write("same", to: directory.appending(name).appending("file"))
      }
      let recipe = LayerRecipe(["a", "b"].map { .init(directory.appending($0), at: "/") })
      let merged = try await recipe.digests(encoding: .none)
      let alone = try await LayerRecipe([.init(directory.appending("a"), at: "/")]).digests(encoding: .none)
      #expect(merged == alone)
      try write("diff", to: directory.appending("b/file"))
      await expect(.conflict, naming: "/file") { try await recipe.digests(encoding: .none) }
    }
  }

  // MARK: Bad input

  private func expect(
    _ code: TarballError.Code, naming text: String, _ body: () async throws -> LayerDigests
  ) async {
    let error = await #expect(throws: TarballError.self) { _ = try await body() }
    #expect(error?.code == code)
    #expect(error?.message.contains(text) == true)
  }

  @Test func aMissingSourceIsNamed() async {
    await expect(.unreadable, naming: "/no/such/path") {
      try await LayerRecipe([.init("/no/such/path")]).digests(encoding: .gzip())
    }
  }

  @Test(arguments: [".wh.x", ".wh..wh..opq"]) func namesOfWhiteoutsAreRefused(name: String) async throws {
    try await withTemporaryDirectory { directory in
      try write("", to: directory.appending(name))
      await expect(.reservedName, naming: name) {
        try await LayerRecipe([.init(directory, at: "/d")]).digests(encoding: .none)
      }
    }
  }

  @Test func whatALayerCannotHoldIsRefused() async throws {
    try await withTemporaryDirectory { directory in
      try Self.makeSocket(directory.appending("socket"))
      await expect(.unsupportedEntry, naming: "socket") {
        try await LayerRecipe([.init(directory, at: "/d")]).digests(encoding: .none)
      }
    }
  }

  private static func makeSocket(_ path: FilePath) throws {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.string.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(result == 0)
  }

  @Test(arguments: ["relative", "/a/../b"]) func destinationsThatLeadElsewhereAreRefused(destination: String) async {
    await expect(.invalidRecipe, naming: destination) {
      try await LayerRecipe([.init("/etc/hostname", at: FilePath(destination))]).digests(encoding: .none)
    }
  }

  @Test(arguments: [1, 300 << 20])
  func aFileThatChangesWhileItIsReadFailsTheLayer(newSize: Int64) async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("growing")
      try write("", to: file)
      #expect(truncate(file.string, 256 << 20) == 0)
      await expect(.changed, naming: "growing") {
        try await LayerRecipe([.init(file, at: "/file")]).digests(
          encoding: .none, parallelism: LayerParallelism(fillers: 1, slots: 2)
        ) { count in
          if count == 1 << 20 { truncate(file.string, off_t(newSize)) }
        }
      }
    }
  }

  @Test func cancellingEndsTheWork() async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("large")
      try write("", to: file)
      #expect(truncate(file.string, 64 << 30) == 0)
      let work = Task { try await LayerRecipe([.init(file, at: "/file")]).digests(encoding: .none) }
      try await Task.sleep(for: .milliseconds(20))
      work.cancel()
      await #expect(throws: CancellationError.self) { try await work.value }
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/fd")))
  func aReaderThatGoesAwayEndsTheProducer() async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("large")
      try write("", to: file)
      #expect(truncate(file.string, 64 << 30) == 0)
      let stream = try await LayerRecipe([.init(file, at: "/file")]).source(encoding: .none).open()
      for try await chunk in stream {
        #expect(!chunk.isEmpty)
        break
      }
      // 64 GiB would keep it busy for a minute; it must let go of the file soon.
      withExtendedLifetime(stream) {}
    }
    for _ in 0..<100 where openFiles().contains(where: { $0.contains("/large") }) {
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(!openFiles().contains { $0.contains("/large") })
  }

  private func openFiles() -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).compactMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
    }
  }

  // MARK: Encodings

  @Test(arguments: ["zip", "gzip:0", "gzip:10", "gzip:+1", "gzip:", "none:1", ""])
  func unknownEncodingsAreRefused(text: String) {
    #expect(throws: TarballError.self) { try LayerEncoding(parsing: text) }
  }

  @Test(arguments: 1...9) func theCanaryKnowsEveryLevel(level: Int) throws {
    try EncodingCanary.verify(.gzip(level: level))
    #expect(try LayerEncoding(parsing: "gzip:\(level)") == .gzip(level: level))
  }
}
