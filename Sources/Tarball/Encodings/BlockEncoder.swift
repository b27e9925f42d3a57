/// Compresses blocks that do not depend on each other, so that any thread can make any block and the blocks, laid end to
/// end, are one stream. Used by one thread at a time.
protocol BlockEncoder: AnyObject {
  /// The most bytes that a block of `count` can become.
  func bound(_ count: Int) -> Int

  /// Compresses a block; gives how many bytes it became.
  /// - Parameter output: At least `bound` bytes.
  /// - Throws: `TarballError.Code.encodingNotHonoured` when the library fails.
  func encode(_ block: Span<UInt8>, into output: inout MutableSpan<UInt8>) throws(TarballError) -> Int
}

extension LayerEncoding {
  /// Begins to compress; `nil` where nothing is compressed.
  func makeEncoder() throws(TarballError) -> (any BlockEncoder)? {
    switch self {
    case .none: nil
    case .gzip(let level, .zlib): try ZlibEncoder(level: level)
    case .gzip(let level, .libdeflate): try LibdeflateEncoder(level: level)
    case .gzip(let level, .isal): try ISALEncoder(level: level)
    case .zstd(let level): try ZstdEncoder(level: level)
    }
  }

  /// How the tar is cut into blocks: part of the contract.
  var cut: LayerBatchWriter.Cut {
    switch self {
    case .none, .gzip: LayerBatchWriter.Cut(size: 1 << 20, minimumSegment: 256 << 10)
    // A frame is a world of its own: smaller ones would cost several percent of size.
    case .zstd: LayerBatchWriter.Cut(size: 4 << 20, minimumSegment: 1 << 20)
    }
  }

  /// What stands before the blocks.
  var prefix: [UInt8] { if case .gzip = self { GzipMember.header } else { [] } }

  /// What stands after them.
  func suffix(_ checksum: GzipChecksum) -> [UInt8] {
    if case .gzip = self { GzipMember.trailer(checksum) } else { [] }
  }
}
