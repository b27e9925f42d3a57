internal import CZlib

/// Compresses blocks that do not depend on each other: each begins from a fresh state and ends with a sync flush, so that
/// any thread can make any block and the blocks, laid end to end, are one deflate stream.
struct BlockDeflater: ~Copyable {
  private let stream: Stream

  /// - Throws: `TarballError.Code.encodingNotHonoured` when zlib does not start.
  init(level: Int) throws(TarballError) {
    stream = try Stream(level: level)
  }

  /// One compressed block and the checksum of what went in.
  func compress(_ block: [UInt8]) throws(TarballError) -> (bytes: [UInt8], checksum: GzipChecksum) {
    (try stream.compress(block), GzipChecksum(of: block))
  }

  /// Owns the C stream. On the heap, because zlib keeps a pointer back to it; freed exactly once.
  @safe private struct Stream: ~Copyable {
    private let state: UnsafeMutablePointer<z_stream>

    init(level: Int) throws(TarballError) {
      let state = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
      unsafe state.initialize(to: z_stream())
      // Negative window bits: raw deflate, no zlib header. Memory level 8 is part of the contract.
      let result = unsafe deflateInit2_(
        state, Int32(level), Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
      unsafe self.state = state
      guard result == Z_OK else {
        throw TarballError(.encodingNotHonoured, "zlib cannot compress at level \(level) (error \(result))")
      }
    }

    func compress(_ block: [UInt8]) throws(TarballError) -> [UInt8] {
      unsafe deflateReset(state)
      // Room for the flush beside the bound, so that zlib never stops half way: its buffering cannot matter then.
      let capacity = unsafe Int(deflateBound(state, UInt(block.count))) + 64
      var result = Z_OK
      var isComplete = false
      let output = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        unsafe block.withUnsafeBufferPointer { input in
          unsafe state.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
          unsafe state.pointee.avail_in = UInt32(input.count)
          unsafe state.pointee.next_out = buffer.baseAddress
          unsafe state.pointee.avail_out = UInt32(capacity)
          result = unsafe deflate(state, Z_SYNC_FLUSH)
          count = unsafe capacity - Int(state.pointee.avail_out)
          isComplete = unsafe state.pointee.avail_in == 0 && state.pointee.avail_out > 0
        }
      }
      guard result == Z_OK, isComplete else {
        throw TarballError(.encodingNotHonoured, "zlib did not compress a block whole (error \(result))")
      }
      return output
    }

    deinit {
      unsafe deflateEnd(state)
      unsafe state.deallocate()
    }
  }
}

/// The CRC-32 and length that close a gzip member, combined from those of its blocks.
struct GzipChecksum: Sendable {
  private var crc: UInt = 0
  private(set) var length: Int64 = 0

  /// The checksum of nothing.
  init() {}

  init(of block: [UInt8]) {
    crc = unsafe block.withUnsafeBufferPointer { unsafe crc32(0, $0.baseAddress, UInt32($0.count)) }
    length = Int64(block.count)
  }

  mutating func append(_ next: GzipChecksum) {
    crc = crc32_combine(crc, next.crc, Int(next.length))
    length += next.length
  }

  /// An empty final block, then CRC and length modulo 2^32, little-endian (RFC 1952).
  var memberTrailer: [UInt8] {
    func littleEndian(_ value: UInt32) -> [UInt8] {
      [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
    return [0x03, 0x00] + littleEndian(UInt32(crc)) + littleEndian(UInt32(truncatingIfNeeded: length))
  }

  /// The fixed header: no name, no time, and 255 ("unknown") for the operating system, so that no platform shows.
  static let memberHeader: [UInt8] = [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0xFF]
}
