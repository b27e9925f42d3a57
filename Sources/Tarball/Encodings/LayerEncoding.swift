public import OCICore

/// How a layer's tar becomes the bytes that are pushed: a named contract, so that a digest computed today can be honoured
/// tomorrow by another machine. `docs/layer-format.md` specifies each to the byte.
public enum LayerEncoding: Sendable, Hashable, CustomStringConvertible {
  /// The tar as it is.
  case none
  /// One gzip member of independent blocks, at a level of the compressor.
  case gzip(level: Int = 6, by: GzipCompressor = .zlib)
  /// zstd frames, one a block, at a level from 1 to 3.
  case zstd(level: Int = 3)

  /// What is used unless told otherwise: gzip, which every registry and runtime reads, by libdeflate at level 6, which is no
  /// larger than zlib's in about half of the time, and the same bytes on every processor.
  public static let standard = LayerEncoding.gzip(level: 6, by: .libdeflate)

  /// Who makes the blocks of a gzip member. Any reader of gzip reads them; which bytes they are differs.
  public enum GzipCompressor: String, Sendable, Hashable, CaseIterable {
    /// zlib, levels 1 to 9: the slowest, and the same bytes everywhere for many years.
    case zlib
    /// libdeflate, levels 1 to 9: no larger than zlib at the same level in about half of its time, the same bytes on
    /// every processor.
    case libdeflate
    /// ISA-L, levels 1 and 2: several times as fast as zlib at level 1, the same bytes on x86-64 alone.
    case isal

    /// The levels whose bytes the contract fixes.
    public var levels: ClosedRange<Int> {
      switch self {
      case .zlib, .libdeflate: 1...9
      case .isal: 1...2
      }
    }

    /// The level that is used unless told otherwise.
    public var defaultLevel: Int {
      switch self {
      case .zlib, .libdeflate: 6
      case .isal: 1
      }
    }

    fileprivate var scheme: String { self == .zlib ? "gzip" : "gzip-\(rawValue)" }
  }

  /// The levels of zstd whose bytes the contract fixes: higher ones differ between versions of the library.
  public static let zstdLevels = 1...3

  /// Parses `none`, `gzip`, `gzip-libdeflate`, `gzip-isal` or `zstd`, the last four also with `:LEVEL`.
  /// - Throws: `TarballError.Code.invalidRecipe`.
  public init(parsing text: String) throws(TarballError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let compressor = GzipCompressor.allCases.first { $0.scheme == parts[0] }
    let levels = compressor?.levels ?? Self.zstdLevels
    var level: Int?
    if parts.count == 2, parts[0] != "none" {
      guard let number = Int(parts[1]), levels.contains(number), parts[1].count == 1 else {
        throw TarballError(
          .invalidRecipe,
          "compression '\(text)': a level of \(parts[0]) is a number from \(levels.lowerBound) to \(levels.upperBound)")
      }
      level = number
    }
    switch (parts[0], compressor) {
    case ("none", _) where parts.count == 1: self = .none
    case ("zstd", _): self = .zstd(level: level ?? 3)
    case (_, let compressor?): self = .gzip(level: level ?? compressor.defaultLevel, by: compressor)
    default:
      throw TarballError(
        .invalidRecipe,
        "unknown compression '\(text)': use none, gzip, gzip-libdeflate, gzip-isal or zstd, with :LEVEL if you like")
    }
  }

  /// The encoding of an identifier; `nil` for a contract that this version does not know.
  public init?(identifier: String) {
    let levels = GzipCompressor.allCases.flatMap { compressor in
      compressor.levels.map { LayerEncoding.gzip(level: $0, by: compressor) }
    }
    let all = [.none] + levels + Self.zstdLevels.map { LayerEncoding.zstd(level: $0) }
    guard let found = all.first(where: { $0.identifier == identifier }) else { return nil }
    self = found
  }

  /// The contract's name and parameters, part of every cache key.
  public var identifier: String {
    switch self {
    case .none: "none"
    case .gzip(let level, let compressor): "gzip/flywheel-2/\(compressor.rawValue)/\(level)"
    case .zstd(let level): "zstd/flywheel-1/zstd/\(level)"
    }
  }

  /// The media type of a layer in this encoding.
  public var mediaType: MediaType {
    switch self {
    case .none: .layerTar
    case .gzip: .layerTarGzip
    case .zstd: .layerTarZstd
    }
  }

  /// The form that `init(parsing:)` reads.
  public var description: String {
    switch self {
    case .none: "none"
    case .gzip(let level, let compressor): "\(compressor.scheme):\(level)"
    case .zstd(let level): "zstd:\(level)"
    }
  }
}
