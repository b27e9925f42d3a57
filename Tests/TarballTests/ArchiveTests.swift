import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import Tarball

/// Archives that others wrote.
struct ArchiveTests {
  private func shell(_ script: String, in directory: FilePath) async throws {
    let result = try await Tool.result(of: "/bin/sh", ["-ec", script], in: directory)
    #expect(result.status == 0, "\(result.errors)")
  }

  /// Type, mode, target and content by path, without what formats lose; hard links count as files.
  private func summary(_ listing: LayerListing) throws -> [[UInt8]: String] {
    var tree = MergedTree()
    try tree.apply(listing)
    var result: [[UInt8]: String] = [:]
    for entry in tree.listing.entries where entry.path != [UInt8(ascii: ".")] {
      let target = entry.linkTarget.map { String(decoding: $0, as: UTF8.self) } ?? ""
      result[entry.path] =
        "\(entry.name) \(entry.kind) \(String(entry.mode ?? 0, radix: 8)) \(target) \(entry.digest?.hex ?? "")"
    }
    return result
  }

  @Test(
    .enabled(if: Tool.areInstalled("bsdtar", "tar", "gzip", "zstd", "xz", "bzip2")),
    arguments: [
      "tar --format=v7 -cf archive", "tar --format=oldgnu -cf archive", "tar --format=gnu -cf archive",
      "tar --format=ustar -cf archive", "tar --format=posix -cf archive", "tar --format=posix -czf archive",
      "tar --format=gnu --zstd -cf archive", "tar --format=gnu -cJf archive", "tar --format=gnu -cjf archive",
      "bsdtar --format=pax -cf archive", "bsdtar --format=gnutar -cf archive", "bsdtar --format=newc -cf archive",
      "bsdtar --format=odc -cf archive", "bsdtar --format=zip -cf archive", "bsdtar --format=7zip -cf archive",
    ])
  func everyFormatGivesTheTree(command: String) async throws {
    try await withTemporaryDirectory { directory in
      let tree = directory.appending("tree")
      for name in ["dir/sub", "empty"] { try TestTree.makeDirectory(tree.appending(name)) }
      try TestTree.write(TestTree.bytes(300_000, seed: 1), to: tree.appending("dir/large"), mode: 0o755)
      try TestTree.write("", to: tree.appending("dir/sub/nothing"), mode: 0o600)
      try TestTree.write("ü", to: tree.appending("ümläut"))
      // Composed and decomposed are two names.
      for name in ["\u{E9}", "e\u{301}"] { try TestTree.write(name, to: tree.appending(FilePath(name).components)) }
      try FileManager.default.createSymbolicLink(
        atPath: tree.appending("link").string, withDestinationPath: "dir/large")
      try FileManager.default.linkItem(
        atPath: tree.appending("dir/large").string, toPath: tree.appending("dir/linked").string)
      if !command.contains("v7"), !command.contains("ustar") {
        try TestTree.write("long", to: tree.appending(String(repeating: "n", count: 180)))
      }
      try await shell(
        "cd tree; LC_ALL=C.UTF-8 \(command.replacingOccurrences(of: "archive", with: "../archive")) *", in: directory)
      let expected = try await LayerRecipe([.init(tree, at: "/")]).digestsAndListing(encoding: .none).listing
      let archive = Archive(file: directory.appending("archive"))
      let found = try summary(try await archive.listing())
      var wanted = try summary(expected)
      if command.contains("zip") {
        // These have names in Unicode, which libarchive composes, so it has one of the two twice.
        wanted = wanted.filter { ![Array("e\u{301}".utf8), Array("\u{E9}".utf8)].contains($0.key) }
      }
      for (name, text) in wanted { #expect(found[name] == text) }
      // The same as a stream, where the format can be read so.
      if !command.contains("7zip"), !command.contains("zip") {
        let bytes = try TestTree.read(directory.appending("archive"))
        let streamed = try await Archive(BlobSource(bytes)).listing()
        #expect(try summary(streamed) == found)
      }
    }
  }

  @Test func namesAreBytesWhateverTheyAre() async throws {
    let names: [[UInt8]] = [
      Array("e\u{301}".utf8), Array("\u{E9}".utf8), [0xFF, 0xFE, 0x41], [0xC3], Array("new\nline".utf8),
      Array(String(repeating: "é", count: 90).utf8),
    ]
    var tar: [UInt8] = []
    for name in names { try TarHeader.append(TarEntry(path: name, kind: .file(size: 0), mode: 0o644), to: &tar) }
    tar += [UInt8](repeating: 0, count: 1024)
    let listing = try await Archive(BlobSource(tar)).listing()
    #expect(listing.entries.map(\.path) == names)
  }

  @Test func membersThatNobodyReadsArePassedOver() async throws {
    let recipe = LayerRecipe(
      [], entries: (0..<20).map { .init(FilePath("/f\($0)"), .file(TestTree.bytes(100_000, seed: UInt64($0)))) })
    let collector = LayerListingBuilder()
    try await Archive(recipe.source(encoding: .zstd(level: 1))).forEachMember { member, content in
      if member.entry.name == "f7" {
        let bytes = try content.collect(upTo: 100_000)
        #expect(bytes == TestTree.bytes(100_000, seed: 7))
      }
      collector.append(member.entry)
    }
    #expect(collector.listing.entries.count == 20)
  }

  @Test func holesAreZeros() async throws {
    try await withTemporaryDirectory { directory in
      try await shell(
        "truncate -s 3000000 holes; printf middle | dd of=holes bs=1 seek=1000000 conv=notrunc status=none; cp holes tail; truncate -s 5000000 tail",
        in: directory)
      for format in ["gnu --sparse", "posix --sparse", "posix --sparse --sparse-version=0.1"] {
        try await shell("tar --format=\(format) -cf archive holes tail", in: directory)
        let listing = try await Archive(file: directory.appending("archive")).listing()
        for (name, size) in [("holes", 3_000_000), ("tail", 5_000_000)] {
          let entry = try #require(listing.entries.first { $0.name == name })
          #expect(entry.digest == .of(try TestTree.read(directory.appending(name))))
          #expect(entry.size == Int64(size))
        }
      }
    }
  }

  // MARK: Other people's collections

  private static let pythonsSample = "/usr/lib/python3.11/test/testtar.tar"

  /// Python's own sample has every kind of member, in every dialect; what is in it is in its own test.
  @Test(
    .enabled(if: Tool.areInstalled("python3") && FileManager.default.fileExists(atPath: pythonsSample)),
    arguments: [pythonsSample, pythonsSample + ".xz"])
  func pythonsSampleIsReadAsPythonReadsIt(file: String) async throws {
    let script = """
      import tarfile, hashlib, os
      with tarfile.open('\(file)', encoding='utf-8', errors='surrogateescape') as t:
          for m in t:
              c = t.extractfile(m) if m.isreg() else None
              name = os.path.normpath(m.name).encode('utf-8', 'surrogateescape')
              print(name.hex(), oct(m.mode & 0o7777)[2:], m.uid, m.gid, int(m.mtime), hashlib.sha256(c.read()).hexdigest() if c else '-')
      """
    let python = try await Tool.run("python3", ["-c", script])
    let entries = try await Archive(file: FilePath(file)).listing().entries
    var ours: [String] = []
    for entry in entries {
      let hex = entry.path.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      let digest = entry.kind == .file ? entry.digest?.hex ?? "-" : "-"
      ours.append(
        "\(hex) \(String(entry.mode ?? 0, radix: 8)) \(entry.uid ?? -1) \(entry.gid ?? -1) \(entry.modificationTime ?? -1) \(digest)"
      )
    }
    let theirs = python.split(separator: "\n").map(String.init)
    #expect(ours.count == theirs.count)
    for (mine, other) in zip(ours, theirs) { #expect(mine == other) }
  }

  private static let gosSamples = "/usr/share/go-1.19/src/archive/tar/testdata"

  /// Go's samples: what a reader must take, and what it must refuse without coming to harm.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: gosSamples))) func gosSamplesAreReadOrRefused()
    async throws
  {
    let directory = Self.gosSamples
    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
    var read = 0
    for name in names.sorted() where name.hasSuffix(".tar") {
      do {
        let limits = ArchiveLimits(contentSize: 64 << 20)
        _ = try await Archive(file: FilePath(directory).appending(name), limits: limits).listing()
        read += 1
      } catch let error as TarballError {
        let codes: [TarballError.Code] = [.invalidArchive, .limitExceeded]
        #expect(codes.contains(error.code), "\(name): \(error)")
      }
    }
    #expect(read >= 25, "\(read) of \(names.count)")
  }

  // MARK: Hostile input

  @Test(arguments: [LayerEncoding.none, .gzip(level: 1), .zstd(level: 1)])
  func anArchiveThatIsCutShortIsAnError(encoding: LayerEncoding) async throws {
    let recipe = LayerRecipe(
      [], entries: [.init("/a", .file(TestTree.bytes(200_000, seed: 1))), .init("/b", .file([1]))])
    let bytes = try await recipe.bytes(encoding)
    for count in [700, bytes.count / 3, bytes.count / 2, bytes.count * 3 / 4] {
      await expectError(.invalidArchive) { try await Archive(BlobSource(Array(bytes[..<count]))).listing() }
    }
  }

  @Test(
    .enabled(if: Tool.areInstalled("bsdtar")),
    arguments: [
      "bsdtar --format=zip --options zip:compression=store", "bsdtar --format=7zip --options 7zip:compression=store",
    ])
  func contentThatIsNotWhatItWasIsAnError(command: String) async throws {
    try await withTemporaryDirectory { directory in
      let content = TestTree.bytes(40_000, seed: 5)
      try TestTree.write(content, to: directory.appending("file"))
      try await shell("\(command) -cf archive file", in: directory)
      var bytes = try TestTree.read(directory.appending("archive"))
      #expect(try await Archive(file: directory.appending("archive")).listing().entries[0].digest == .of(content))
      let start = try #require(bytes.firstRange(of: content[..<200])?.lowerBound)
      bytes[start + 100] ^= 1
      try TestTree.write(bytes, to: directory.appending("archive"))
      await expectError(.invalidArchive) { try await Archive(file: directory.appending("archive")).listing() }
    }
  }

  @Test(.timeLimit(.minutes(1))) func cancellingEndsAReaderThatWaitsForItsStream() async throws {
    let source = BlobSource {
      ByteStream {
        try await Task.sleep(for: .seconds(3600))
        return nil
      }
    }
    let reading = Task { try await Archive(source).listing() }
    try await Task.sleep(for: .milliseconds(50))
    reading.cancel()
    await #expect(throws: CancellationError.self) { try await reading.value }
  }

  @Test func whatIsNoArchiveIsAnError() async throws {
    await expectError(.invalidArchive) { try await Archive(BlobSource(Array("no archive".utf8))).listing() }
    await expectError(.invalidArchive) {
      try await Archive(BlobSource(TestTree.bytes(100_000, seed: 9))).listing()
    }
    await expectError(.unreadable, naming: "/no/such/file") { try await Archive(file: "/no/such/file").listing() }
    #expect(try await Archive(BlobSource([UInt8](repeating: 0, count: 1024))).listing().entries == [])
    #expect(try await Archive(BlobSource([])).listing().entries == [])
    #expect(try await Archive(BlobSource([])).diffID().digest == .of([]))
  }

  @Test func limitsHold() async throws {
    let many = LayerRecipe([], entries: (0..<50).map { .init(FilePath("/\($0)"), .file([])) })
    await expectError(.limitExceeded, naming: "49 members") {
      try await Archive(many.source(encoding: .none), limits: .init(memberCount: 49)).listing()
    }
    let long = LayerRecipe([], entries: [.init(FilePath("/" + String(repeating: "n", count: 200)), .file([]))])
    await expectError(.limitExceeded, naming: "a name") {
      try await Archive(long.source(encoding: .none), limits: .init(metadataLength: 100)).listing()
    }
    let zeros = LayerRecipe([], entries: [.init("/zeros", .file([UInt8](repeating: 0, count: 40 << 20)))])
    await expectError(.limitExceeded, naming: "bytes of content") {
      try await Archive(zeros.source(encoding: .none), limits: .init(contentSize: 30 << 20)).listing()
    }
    await expectError(.limitExceeded, naming: "times its size") {
      try await Archive(zeros.source(encoding: .zstd(level: 1)), limits: .init(expansionRatio: 100)).listing()
    }
    await expectError(.limitExceeded, naming: "times its size") {
      try await Archive(zeros.source(encoding: .gzip(level: 9)), limits: .init(expansionRatio: 100)).diffID()
    }
  }

  @Test func theSourcesOwnErrorComesThrough() async throws {
    let source = BlobSource { ByteStream { throw OCIError(.digestMismatch, "damaged on the way") } }
    let error = await #expect(throws: OCIError.self) { try await Archive(source).listing() }
    #expect(error?.code == .digestMismatch)
    struct Stop: Error {}
    let recipe = LayerRecipe([], entries: [.init("/a", .file([1]))])
    await #expect(throws: Stop.self) {
      try await Archive(recipe.source(encoding: .none)).forEachMember { _, _ in throw Stop() }
    }
  }
}
