internal import CLibdeflate

/// Raw deflate by libdeflate: faster than zlib and no larger, the same bytes on every processor.
///
/// The library has no flush: what it makes is a whole stream, whose last block says so. That mark is taken out, and a
/// sync flush put after it, so that the next block can follow as it does after zlib's. What looks like noise is stored.
@safe final class LibdeflateEncoder: BlockEncoder {
  private let compressor: OpaquePointer
  private let scanner = DeflateScanner()
  private var detector = NoiseDetector()

  init(level: Int) throws(TarballError) {
    guard let compressor = unsafe libdeflate_alloc_compressor(Int32(level)) else {
      throw TarballError(.encodingNotHonoured, "libdeflate does not start at level \(level)")
    }
    unsafe self.compressor = compressor
  }

  deinit { unsafe libdeflate_free_compressor(compressor) }

  // Each stretch may be one that is compressed between two that are stored: a flush, and what the scanner looks at beyond.
  func bound(_ count: Int) -> Int {
    unsafe libdeflate_deflate_compress_bound(compressor, count) + (count / NoiseDetector.stretch + 1) * 32 + 64
  }

  func encode(_ block: Span<UInt8>, into output: inout MutableSpan<UInt8>) throws(TarballError) -> Int {
    var position = 0
    var done = 0
    var next = 0
    while next < block.count {
      let stretch = next..<min(next + NoiseDetector.stretch, block.count)
      if detector.looksLikeNoise(block, stretch) {
        position = try compress(block, done..<next, into: &output, at: position)
        position = store(block, stretch, into: &output, at: position)
        done = stretch.upperBound
      }
      next = stretch.upperBound
    }
    return try compress(block, done..<block.count, into: &output, at: position)
  }

  /// Compresses a part of the block to the place where the output has come; gives where it ends.
  private func compress(
    _ block: Span<UInt8>, _ range: Range<Int>, into output: inout MutableSpan<UInt8>, at start: Int
  ) throws(TarballError) -> Int {
    guard !range.isEmpty else { return start }
    let room = output.count - start - 32
    let count = unsafe block.extracting(range).withUnsafeBytes { input in
      unsafe output.withUnsafeMutableBytes { output in
        unsafe libdeflate_deflate_compress(
          compressor, input.baseAddress, input.count, output.baseAddress.map { unsafe $0 + start }, max(0, room))
      }
    }
    guard count > 0, let end = scanner.scan(output.span.extracting(start..<output.count), count: count) else {
      throw TarballError(.encodingNotHonoured, "libdeflate did not compress a block whole")
    }
    output[start + (end.lastHeader >> 3)] &= ~(1 << UInt8(end.lastHeader & 7))
    // An empty stored block: three zero bits, zeros up to a byte, no length and its complement.
    var position = start + ((end.end + 3 + 7) >> 3)
    if position > start + count { output[start + count] = 0 }
    for byte: UInt8 in [0x00, 0x00, 0xFF, 0xFF] {
      output[position] = byte
      position += 1
    }
    return position
  }

  /// A stored block, which begins at a byte because the block before it ended at one.
  private func store(
    _ block: Span<UInt8>, _ range: Range<Int>, into output: inout MutableSpan<UInt8>, at start: Int
  ) -> Int {
    let count = UInt16(range.count)
    for (offset, byte) in [0, UInt8(count & 0xFF), UInt8(count >> 8), UInt8(~count & 0xFF), UInt8(~count >> 8)]
      .enumerated()
    {
      output[start + offset] = byte
    }
    copy(block.extracting(range), to: &output, at: start + 5)
    return start + 5 + range.count
  }
}

private func copy(_ source: Span<UInt8>, to destination: inout MutableSpan<UInt8>, at position: Int) {
  precondition(position + source.count <= destination.count)
  unsafe source.withUnsafeBytes { source in
    unsafe destination.withUnsafeMutableBytes { destination in
      unsafe UnsafeMutableRawBufferPointer(rebasing: destination[position...]).copyMemory(from: source)
    }
  }
}
