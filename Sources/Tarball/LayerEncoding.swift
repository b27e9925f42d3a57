public import OCICore

/// How a layer's tar becomes the bytes that are pushed: a named contract, so that a digest computed today can be honoured
/// tomorrow by another machine.
public enum LayerEncoding: Sendable, Hashable, CustomStringConvertible {
  /// The tar as it is.
  case none
  /// One gzip member of independent 1 MiB blocks (`docs/layer-format.md`), compressed by zlib at a level from 1 to 9.
  case gzip(level: Int = 6)

  /// Parses `none`, `gzip` or `gzip:LEVEL`.
  /// - Throws: `TarballError.Code.invalidRecipe`.
  public init(parsing text: String) throws(TarballError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    switch (parts[0], parts.count) {
    case ("none", 1): self = .none
    case ("gzip", 1): self = .gzip()
    case ("gzip", 2):
      guard let level = Int(parts[1]), (1...9).contains(level), parts[1].count == 1 else {
        throw TarballError(.invalidRecipe, "compression '\(text)': a gzip level is a number from 1 to 9")
      }
      self = .gzip(level: level)
    default:
      throw TarballError(.invalidRecipe, "unknown compression '\(text)': use none, gzip or gzip:LEVEL")
    }
  }

  /// The contract's name and parameters, part of every cache key.
  public var identifier: String {
    switch self {
    case .none: "none"
    case .gzip(let level): "gzip/flywheel-1/zlib/\(level)"
    }
  }

  /// The media type of a layer in this encoding.
  public var mediaType: MediaType {
    switch self {
    case .none: .layerTar
    case .gzip: .layerTarGzip
    }
  }

  /// The form that `init(parsing:)` reads.
  public var description: String {
    switch self {
    case .none: "none"
    case .gzip(let level): "gzip:\(level)"
    }
  }
}

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
