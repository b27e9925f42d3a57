public import OCICore

/// What a layer's bytes are called.
public struct LayerDigests: Sendable, Hashable {
  /// The digest of the uncompressed tar.
  public var diffID: Digest
  /// The digest of the bytes as pushed.
  public var digest: Digest
  /// How many bytes are pushed.
  public var size: Int64
  /// How many bytes the tar has.
  public var uncompressedSize: Int64

  /// Creates a set of digests.
  public init(diffID: Digest, digest: Digest, size: Int64, uncompressedSize: Int64) {
    self.diffID = diffID
    self.digest = digest
    self.size = size
    self.uncompressedSize = uncompressedSize
  }
}
