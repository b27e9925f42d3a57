/// Finds stretches that look like noise, as compressed files do: deflate cannot make them smaller, and tries for long.
///
/// Part of the contract of encodings that use it: integer arithmetic on counts of bytes, nothing else.
struct NoiseDetector {
  /// Blocks are looked at in stretches of this size; one fits a stored block of deflate.
  static let stretch = 32 << 10
  private static let sample = 4 << 10

  private var counts = [UInt32](repeating: 0, count: 256)

  /// Whether a stretch looks like noise: its beginning first, then all of it.
  ///
  /// With n bytes of noise, the squares of the counts of all byte values add up to about n²/256 + n. A stretch may have
  /// a thirty-second of n²/256 more: then its bytes carry at least 7.95 of 8 bits.
  mutating func looksLikeNoise(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard range.count == Self.stretch else { return false }
    return isFlat(bytes, range.lowerBound..<range.lowerBound + Self.sample) && isFlat(bytes, range)
  }

  private mutating func isFlat(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    for value in 0..<256 { counts[value] = 0 }
    for index in range { counts[Int(bytes[index])] &+= 1 }
    var sum: UInt64 = 0
    for count in counts { sum += UInt64(count) * UInt64(count) }
    let flat = UInt64(range.count) * UInt64(range.count) / 256
    return sum <= flat + flat / 32 + UInt64(range.count)
  }
}
