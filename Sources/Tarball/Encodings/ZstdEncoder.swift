internal import CZstd

/// A zstd frame a block (RFC 8878), with its size, without a checksum or a dictionary.
@safe final class ZstdEncoder: BlockEncoder {
  private let context: OpaquePointer

  init(level: Int) throws(TarballError) {
    guard let context = unsafe ZSTD_createCCtx() else {
      throw TarballError(.encodingNotHonoured, "zstd does not start: out of memory")
    }
    unsafe self.context = context
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1)
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0)
  }

  deinit { unsafe ZSTD_freeCCtx(context) }

  func bound(_ count: Int) -> Int { ZSTD_compressBound(count) }

  func encode(_ block: Span<UInt8>, into output: inout MutableSpan<UInt8>) throws(TarballError) -> Int {
    let result = unsafe block.withUnsafeBytes { input in
      unsafe output.withUnsafeMutableBytes { output in
        unsafe ZSTD_compress2(context, output.baseAddress, output.count, input.baseAddress, input.count)
      }
    }
    guard ZSTD_isError(result) == 0 else {
      throw TarballError(
        .encodingNotHonoured, "zstd did not compress a block: \(unsafe String(cString: ZSTD_getErrorName(result)))")
    }
    return result
  }
}
