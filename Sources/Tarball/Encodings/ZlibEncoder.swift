internal import CZlib

/// Raw deflate by zlib: each block begins from a fresh state and ends with a sync flush.
@safe final class ZlibEncoder: BlockEncoder {
  /// On the heap, because zlib keeps a pointer back to it.
  private let state: UnsafeMutablePointer<z_stream>

  init(level: Int) throws(TarballError) {
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: z_stream())
    // Negative window bits: raw deflate, no zlib header. Memory level 8 is part of the contract.
    let result = unsafe deflateInit2_(
      state, Int32(level), Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else {
      throw TarballError(.encodingNotHonoured, "zlib cannot compress at level \(level) (error \(result))")
    }
  }

  deinit {
    unsafe deflateEnd(state)
    unsafe state.deallocate()
  }

  // Room for the flush beside the bound, so that zlib never stops half way: its buffering cannot matter then.
  func bound(_ count: Int) -> Int { unsafe Int(deflateBound(state, UInt(count))) + 64 }

  func encode(_ block: Span<UInt8>, into output: inout MutableSpan<UInt8>) throws(TarballError) -> Int {
    unsafe deflateReset(state)
    var result = Z_OK
    unsafe block.withUnsafeBufferPointer { input in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe state.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        unsafe state.pointee.avail_in = UInt32(input.count)
        unsafe state.pointee.next_out = output.baseAddress
        unsafe state.pointee.avail_out = UInt32(output.count)
        result = unsafe deflate(state, Z_SYNC_FLUSH)
      }
    }
    let (unread, room) = unsafe (state.pointee.avail_in, Int(state.pointee.avail_out))
    guard result == Z_OK, unread == 0, room > 0 else {
      throw TarballError(.encodingNotHonoured, "zlib did not compress a block whole (error \(result))")
    }
    return output.count - room
  }
}
