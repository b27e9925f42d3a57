internal import CLibdeflate
internal import CZlib

/// The CRC-32 and length that close a gzip member, combined from those of its blocks.
struct GzipChecksum: Sendable, Hashable {
  private(set) var crc: UInt32 = 0
  private(set) var length: Int64 = 0

  /// The checksum of nothing.
  init() {}

  /// A checksum that was stored.
  init(crc: UInt32, length: Int64) {
    self.crc = crc
    self.length = length
  }

  init(of block: Span<UInt8>) {
    // libdeflate's is twice as fast as zlib's, which alone can combine two.
    crc = unsafe block.withUnsafeBytes { unsafe libdeflate_crc32(0, $0.baseAddress, $0.count) }
    length = Int64(block.count)
  }

  mutating func append(_ next: GzipChecksum) {
    crc = UInt32(crc32_combine(UInt(crc), UInt(next.crc), Int(next.length)))
    length += next.length
  }
}

/// What stands around the blocks of a gzip member (RFC 1952).
enum GzipMember {
  /// No name, no time, and 255 ("unknown") for the operating system, so that no platform shows.
  static let header: [UInt8] = [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0xFF]

  /// An empty final block, then CRC and length modulo 2^32, little-endian.
  static func trailer(_ checksum: GzipChecksum) -> [UInt8] {
    func littleEndian(_ value: UInt32) -> [UInt8] {
      [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
    return [0x03, 0x00] + littleEndian(checksum.crc) + littleEndian(UInt32(truncatingIfNeeded: checksum.length))
  }
}
