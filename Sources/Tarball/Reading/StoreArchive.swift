public import OCICore
public import SystemPackage

/// Gives what sources have that this machine lacks: the seam between layers and binary caches.
///
/// A recipe stays the same, and so do the bytes of its layer. What is on this machine is never asked for. Calls come from
/// several layers at once.
public protocol TreeSubstitute: Sendable {
  /// The archive of the store path that a path is, or is in; `nil` where there is none.
  func archive(of path: FilePath) async throws -> StoreArchive?

  /// Whether it is known already that there is an archive which cannot change under its name. Must not block.
  func isImmutable(_ path: FilePath) -> Bool
}

extension TreeSubstitute {
  /// Nothing is.
  public func isImmutable(_ path: FilePath) -> Bool { false }
}

/// A store path as Nix's archive, a NAR, plain or compressed with xz, zstd, gzip, bzip2 or lzma.
///
/// Each reading is compared with digest and size; nothing that is not what was announced ends up in a layer.
public struct StoreArchive: Sendable {
  /// The store path.
  public var path: FilePath
  /// The bytes, as they are kept.
  public var source: BlobSource
  /// The digest of the NAR without its compression.
  public var digest: Digest
  /// The length of the NAR without its compression.
  public var size: Int64
  /// Where it comes from, for messages, e.g. `binary cache https://cache.example.org`.
  public var origin: String

  /// Creates an archive.
  public init(of path: FilePath, _ source: BlobSource, digest: Digest, size: Int64, origin: String) {
    self.path = path
    self.source = source
    self.digest = digest
    self.size = size
    self.origin = origin
  }
}
