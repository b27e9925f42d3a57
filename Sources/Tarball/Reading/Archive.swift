public import OCICore
public import SystemPackage

/// An archive that somebody else may have written: tar in every dialect, zip, cpio or 7z, as it is or compressed with gzip,
/// zstd, xz, lzma, bzip2 or compress. The format is recognised, not told.
///
/// It is read through libarchive, once from beginning to end, on a thread of its own. Names are bytes: no locale changes
/// them. Nothing is written anywhere, so no name can do harm; whoever unpacks must still look at each.
public struct Archive: Sendable {
  enum Input: Sendable {
    case file(FilePath)
    case source(BlobSource)
  }

  private let input: Input
  private let limits: ArchiveLimits

  /// An archive in a file.
  public init(file: FilePath, limits: ArchiveLimits = .init()) {
    input = .file(file)
    self.limits = limits
  }

  /// An archive that comes as a stream. zip members then lack what only the directory at the end says (modes, links), and 7z
  /// cannot be read.
  public init(_ source: BlobSource, limits: ArchiveLimits = .init()) {
    input = .source(source)
    self.limits = limits
  }

  /// Reads every member.
  /// - Parameter visit: Called for each member, in order, on the reader's thread. Content that it does not read is passed
  ///   over.
  /// - Throws: `TarballError.Code.invalidArchive`, `limitExceeded` or `unreadable`; what the source or `visit` throws;
  ///   `CancellationError`.
  public func forEachMember(
    _ visit: @escaping @Sendable (ArchiveMember, ArchiveContent) throws -> Void
  ) async throws {
    try await ReadingThread.run(input) { input, isCancelled in
      let reader = try ArchiveReader(input, limits: limits, contents: .members, isCancelled: isCancelled)
      while let member = try reader.next() {
        try visit(member, ArchiveContent(reader))
      }
    }
  }

  /// Lists the members, with the digest of each file's content.
  /// - Throws: As `forEachMember`.
  public func listing() async throws -> LayerListing {
    let builder = LayerListingBuilder()
    try await forEachMember { member, content in
      var entry = member.entry
      if entry.kind == .file || entry.size ?? 0 > 0 {
        var digester = Digester()
        try content.forEachChunk { digester.update($0) }
        entry.size = digester.count
        entry.digest = digester.finalize()
      }
      builder.append(entry)
    }
    return builder.listing
  }

  /// Folds the bytes of the archive, or of any file, without their compression.
  /// - Throws: As `forEachMember`, and what `update` throws.
  package func reduceUncompressed<Result: Sendable>(
    into initial: Result, _ update: @escaping @Sendable (inout Result, Span<UInt8>) throws -> Void
  ) async throws -> Result {
    try await ReadingThread.run(input) { input, isCancelled in
      let reader = try ArchiveReader(input, limits: limits, contents: .bytes, isCancelled: isCancelled)
      var result = initial
      if try reader.next() != nil { try reader.forEachChunk { try update(&result, $0) } }
      return result
    }
  }

  /// Computes the digest of the archive without its compression: of a layer, the diffID.
  /// - Throws: As `forEachMember`.
  public func diffID() async throws -> (digest: Digest, size: Int64) {
    try await ReadingThread.run(input) { input, isCancelled in
      let reader = try ArchiveReader(input, limits: limits, contents: .bytes, isCancelled: isCancelled)
      var digester = Digester()
      if try reader.next() != nil { try reader.forEachChunk { digester.update($0) } }
      let size = digester.count
      return (digester.finalize(), size)
    }
  }
}

/// A member of an archive.
public struct ArchiveMember: Sendable, Hashable {
  /// The name as the archive has it.
  public var name: [UInt8]
  /// What the archive says of it. The path is the name without slashes at its ends, doubled ones and `.`; `..` is left in it.
  public var entry: LayerListing.Entry
  /// What libarchive found odd, if anything.
  public var warning: String?
}

/// The bytes of the member that is being visited; not to be used afterwards.
public struct ArchiveContent {
  private let reader: ArchiveReader

  init(_ reader: ArchiveReader) { self.reader = reader }

  /// Reads the content from its beginning, once. The holes of a sparse file are zeros.
  /// - Throws: As `Archive.forEachMember`, or what `body` throws.
  public func forEachChunk(_ body: (Span<UInt8>) throws -> Void) throws { try reader.forEachChunk(body) }

  /// The whole, for small files.
  /// - Throws: `TarballError.Code.limitExceeded` when there are more than `limit` bytes.
  public func collect(upTo limit: Int) throws -> [UInt8] {
    var result: [UInt8] = []
    try forEachChunk { chunk in
      guard result.count + chunk.count <= limit else {
        throw TarballError(.limitExceeded, "a member of the archive has more than \(limit) bytes")
      }
      result.append(contentsOf: [UInt8](copying: chunk))
    }
    return result
  }
}
