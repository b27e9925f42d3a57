/// Finds the last block of a deflate stream (RFC 1951), by reading its codes without producing what they stand for.
@safe final class DeflateScanner {
  /// Bit positions in the stream.
  struct End {
    /// Of the last block's header, whose first bit marks it as the last.
    var lastHeader: Int
    /// After the last block.
    var end: Int
  }

  /// What a code's bits mean, looked up by the next bits of the stream: how many bits it and its extra bits take, and
  /// what follows.
  @safe private struct Table {
    static let match: UInt16 = 1 << 14
    static let endOfBlock: UInt16 = 1 << 13
    static let invalid: UInt16 = 1 << 15

    let entries = UnsafeMutablePointer<UInt16>.allocate(capacity: 1 << 15)
    var mask: UInt64 = 0

    /// - Returns: Whether the lengths are those of a prefix code.
    mutating func build(_ lengths: ArraySlice<UInt8>, entry: (Int) -> UInt16) -> Bool {
      var counts: InlineArray<16, Int> = .init(repeating: 0)
      for length in lengths { counts[Int(length)] += 1 }
      counts[0] = 0
      var longest = 15
      while longest > 1, counts[longest] == 0 { longest -= 1 }
      mask = (1 << UInt64(longest)) - 1
      unsafe entries.update(repeating: Self.invalid, count: 1 << longest)
      var next: InlineArray<17, Int> = .init(repeating: 0)
      for length in 1...15 { next[length + 1] = (next[length] + counts[length]) << 1 }
      for (symbol, length) in lengths.enumerated() where length > 0 {
        let length = Int(length)
        let code = next[length]
        next[length] += 1
        guard code < 1 << length else { return false }
        // The stream has the code's first bit lowest.
        let reversed = Int(Self.reversed(UInt16(code)) >> UInt16(16 - length))
        let value = entry(symbol) &+ UInt16(length)
        var index = reversed
        while index < 1 << longest {
          unsafe entries[index] = value
          index += 1 << length
        }
      }
      return true
    }

    private static func reversed(_ bits: UInt16) -> UInt16 {
      var bits = bits.byteSwapped
      bits = (bits & 0x0F0F) << 4 | (bits & 0xF0F0) >> 4
      bits = (bits & 0x3333) << 2 | (bits & 0xCCCC) >> 2
      return (bits & 0x5555) << 1 | (bits & 0xAAAA) >> 1
    }
  }

  private var literals = Table()
  private var distances = Table()
  private var lengths = [UInt8](repeating: 0, count: 320)

  deinit {
    unsafe literals.entries.deallocate()
    unsafe distances.entries.deallocate()
  }

  /// - Parameters:
  ///   - bytes: The stream, and at least eight bytes more, which do not matter.
  ///   - count: The stream's length.
  /// - Returns: `nil` for what is no whole stream.
  func scan(_ bytes: Span<UInt8>, count: Int) -> End? {
    guard bytes.count >= count + 8 else { return nil }
    return unsafe bytes.withUnsafeBytes { unsafe scan($0.baseAddress!, bits: count * 8) }
  }

  private func scan(_ bytes: UnsafeRawPointer, bits limit: Int) -> End? {
    var position = 0
    while true {
      guard position + 3 <= limit else { return nil }
      let header = position
      let word = unsafe Self.word(bytes, position)
      position += 3
      switch (word >> 1) & 3 {
      case 0:
        position = (position + 7) & ~7
        guard position + 32 <= limit else { return nil }
        let sizes = unsafe Self.word(bytes, position)
        guard sizes & 0xFFFF == ~(sizes >> 16) & 0xFFFF else { return nil }
        position += 32 + 8 * Int(sizes & 0xFFFF)
      case 1:
        guard buildFixed(), let end = unsafe skipCodes(bytes, position, limit) else { return nil }
        position = end
      case 2:
        guard let start = unsafe buildDynamic(bytes, position, limit), let end = unsafe skipCodes(bytes, start, limit)
        else { return nil }
        position = end
      default: return nil
      }
      guard position <= limit else { return nil }
      if word & 1 != 0 { return End(lastHeader: header, end: position) }
    }
  }

  /// At least 57 bits of the stream, the next one lowest.
  @inline(__always)
  private static func word(_ bytes: UnsafeRawPointer, _ position: Int) -> UInt64 {
    unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position >> 3, as: UInt64.self))
      &>> UInt64(position & 7)
  }

  /// Passes over the codes of a block; gives where it ends.
  ///
  /// The hot loop of this encoding: a buffer of at least 56 bits, filled without a branch, and masking shifts, which need no
  /// check.
  private func skipCodes(_ bytes: UnsafeRawPointer, _ start: Int, _ limit: Int) -> Int? {
    let (literal, literalMask) = unsafe (literals.entries, literals.mask)
    let (distance, distanceMask) = unsafe (distances.entries, distances.mask)
    let end = limit >> 3
    var offset = start >> 3
    var buffer: UInt64 = 0
    var count: UInt64 = 0
    func refill() {
      let word = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      buffer |= word &<< count
      offset &+= Int(truncatingIfNeeded: (63 &- count) &>> 3)
      count |= 56
    }
    func drop(_ bits: UInt16) {
      buffer = buffer &>> UInt64(bits)
      count &-= UInt64(bits)
    }
    refill()
    drop(UInt16(start & 7))
    // A round fills the buffer twice, by at most seven bytes each, and looks at eight.
    while offset + 16 <= end {
      refill()
      var entry = unsafe literal[Int(truncatingIfNeeded: buffer & literalMask)]
      if entry < Table.endOfBlock {
        // Up to three literals of at most 15 bits each.
        drop(entry)
        entry = unsafe literal[Int(truncatingIfNeeded: buffer & literalMask)]
        if entry < Table.endOfBlock {
          drop(entry)
          entry = unsafe literal[Int(truncatingIfNeeded: buffer & literalMask)]
          if entry < Table.endOfBlock {
            drop(entry)
            continue
          }
        }
      }
      guard entry & Table.invalid == 0 else { return nil }
      drop(entry & 63)
      if entry & Table.endOfBlock != 0 { return offset * 8 - Int(count) }
      refill()
      entry = unsafe distance[Int(truncatingIfNeeded: buffer & distanceMask)]
      guard entry & Table.invalid == 0 else { return nil }
      drop(entry & 63)
    }
    return unsafe finish(bytes, offset * 8 - Int(count), limit)
  }

  /// The same, code by code, near the end of the stream.
  private func finish(_ bytes: UnsafeRawPointer, _ start: Int, _ limit: Int) -> Int? {
    var position = start
    while position < limit {
      var entry = unsafe literals.entries[Int(truncatingIfNeeded: Self.word(bytes, position) & literals.mask)]
      guard entry & Table.invalid == 0 else { return nil }
      position += Int(entry & 63)
      if entry & Table.endOfBlock != 0 { return position }
      guard entry & Table.match != 0 else { continue }
      guard position < limit else { return nil }
      entry = unsafe distances.entries[Int(truncatingIfNeeded: Self.word(bytes, position) & distances.mask)]
      guard entry & Table.invalid == 0 else { return nil }
      position += Int(entry & 63)
    }
    return nil
  }

  // MARK: Codes

  private static let lengthExtraBits: [UInt16] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]

  private func buildTables(literalCount: Int, distanceCount: Int) -> Bool {
    let isBuilt = literals.build(lengths[..<literalCount]) { symbol in
      symbol < 256
        ? 0
        : symbol == 256
          ? Table.endOfBlock : symbol < 286 ? Table.match + Self.lengthExtraBits[symbol - 257] : Table.invalid
    }
    return isBuilt
      && distances.build(lengths[literalCount..<literalCount + distanceCount]) { symbol in
        symbol < 30 ? UInt16(symbol < 2 ? 0 : (symbol - 2) / 2) : Table.invalid
      }
  }

  private func buildFixed() -> Bool {
    for symbol in 0..<288 { lengths[symbol] = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8 }
    for symbol in 288..<320 { lengths[symbol] = 5 }
    return buildTables(literalCount: 288, distanceCount: 32)
  }

  /// Reads the code lengths of a block (RFC 1951, 3.2.7); gives where its codes begin.
  private func buildDynamic(_ bytes: UnsafeRawPointer, _ start: Int, _ limit: Int) -> Int? {
    var position = start
    var word = unsafe Self.word(bytes, position)
    let (literalCount, distanceCount) = (Int(word & 31) + 257, Int((word >> 5) & 31) + 1)
    let codeCount = Int((word >> 10) & 15) + 4
    position += 14
    var codeLengths = [UInt8](repeating: 0, count: 19)
    for index in 0..<codeCount {
      guard position < limit else { return nil }
      codeLengths[Self.codeOrder[index]] = unsafe UInt8(Self.word(bytes, position) & 7)
      position += 3
    }
    // The same table, before it is built for the codes themselves.
    guard literals.build(codeLengths[...], entry: { UInt16($0) << 6 }) else { return nil }
    var index = 0
    while index < literalCount + distanceCount {
      guard position < limit else { return nil }
      word = unsafe Self.word(bytes, position)
      let entry = unsafe literals.entries[Int(truncatingIfNeeded: word & literals.mask)]
      guard entry & Table.invalid == 0 else { return nil }
      position += Int(entry & 63)
      word >>= UInt64(entry & 63)
      var value: UInt8 = 0
      var count = 1
      switch entry >> 6 {
      case 16:
        guard index > 0 else { return nil }
        value = lengths[index - 1]
        count = 3 + Int(word & 3)
        position += 2
      case 17:
        count = 3 + Int(word & 7)
        position += 3
      case 18:
        count = 11 + Int(word & 127)
        position += 7
      case let length: value = UInt8(length)
      }
      guard index + count <= literalCount + distanceCount else { return nil }
      for _ in 0..<count {
        lengths[index] = value
        index += 1
      }
    }
    return buildTables(literalCount: literalCount, distanceCount: distanceCount) ? position : nil
  }

  private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
}
