internal import CLibdeflate

/// Raw deflate by libdeflate: faster than zlib and no larger, the same bytes on every processor.
///
/// The library has no flush: what it makes is a whole stream, whose last block says so. That mark is taken out, and a
/// sync flush put after it, so that the next block can follow as it does after zlib's.
@safe final class LibdeflateEncoder: BlockEncoder {
  private let compressor: OpaquePointer
  private let scanner = DeflateScanner()

  init(level: Int) throws(TarballError) {
    guard let compressor = unsafe libdeflate_alloc_compressor(Int32(level)) else {
      throw TarballError(.encodingNotHonoured, "libdeflate does not start at level \(level)")
    }
    unsafe self.compressor = compressor
  }

  deinit { unsafe libdeflate_free_compressor(compressor) }

  // The flush, and what the scanner may read beyond the end.
  func bound(_ count: Int) -> Int { unsafe libdeflate_deflate_compress_bound(compressor, count) + 64 }

  func encode(_ block: Span<UInt8>, into output: inout MutableSpan<UInt8>) throws(TarballError) -> Int {
    let room = output.count - 32
    let count = unsafe block.withUnsafeBytes { input in
      unsafe output.withUnsafeMutableBytes { output in
        unsafe libdeflate_deflate_compress(compressor, input.baseAddress, input.count, output.baseAddress, room)
      }
    }
    guard count > 0, let end = scanner.scan(output.span, count: count) else {
      throw TarballError(.encodingNotHonoured, "libdeflate did not compress a block whole")
    }
    output[end.lastHeader >> 3] &= ~(1 << UInt8(end.lastHeader & 7))
    // An empty stored block: three zero bits, zeros up to a byte, no length and its complement.
    var position = (end.end + 3 + 7) >> 3
    if position > count { output[count] = 0 }
    for byte: UInt8 in [0x00, 0x00, 0xFF, 0xFF] {
      output[position] = byte
      position += 1
    }
    return position
  }
}
