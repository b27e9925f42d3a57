internal import CISAL

/// Raw deflate by ISA-L: several times as fast as zlib, the same bytes on every x86-64 processor and on no other.
@safe final class ISALEncoder: BlockEncoder {
  /// Room for the state at several addresses.
  private let memory: UnsafeMutableRawBufferPointer
  private let work: UnsafeMutableRawBufferPointer
  private let level: Int

  init(level: Int) throws(TarballError) {
    self.level = level
    unsafe memory = .allocate(
      byteCount: MemoryLayout<isal_zstream>.size + Self.places * Self.placeDistance,
      alignment: MemoryLayout<isal_zstream>.alignment)
    // Enough for every level of the contract.
    unsafe work = .allocate(byteCount: 1 << 20, alignment: 64)
  }

  deinit {
    unsafe memory.deallocate()
    unsafe work.deallocate()
  }

  // Incompressible blocks are stored, which costs some bytes each; seen: 96 for 1 MiB.
  func bound(_ count: Int) -> Int { count + count / 64 + 4096 }

  func encode(_ block: Span<UInt8>, into output: inout MutableSpan<UInt8>) throws(TarballError) -> Int {
    let state = unsafe state(for: block)
    var result: Int32 = 0
    unsafe block.withUnsafeBufferPointer { input in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe isal_deflate_init(state)
        unsafe state.pointee.level = UInt32(level)
        unsafe state.pointee.level_buf = work.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe state.pointee.level_buf_size = UInt32(work.count)
        unsafe state.pointee.gzip_flag = UInt16(IGZIP_DEFLATE)
        unsafe state.pointee.flush = UInt16(SYNC_FLUSH)
        unsafe state.pointee.end_of_stream = 0
        unsafe state.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        unsafe state.pointee.avail_in = UInt32(input.count)
        unsafe state.pointee.next_out = output.baseAddress
        unsafe state.pointee.avail_out = UInt32(output.count)
        result = unsafe isal_deflate(state)
      }
    }
    let (unread, room) = unsafe (state.pointee.avail_in, Int(state.pointee.avail_out))
    guard result == COMP_OK, unread == 0, room > 0 else {
      throw TarballError(.encodingNotHonoured, "ISA-L did not compress a block whole (error \(result))")
    }
    return output.count - room
  }

  // MARK: Where the state is

  // At the beginning of a block, ISA-L (2.30, levels 1 and 2, on x86-64) enters a position in its table of strings under the
  // hash of what a register happens to hold: the upper bits of the state's address. Where a string at the beginning of the
  // block has the same hash, one in some thousands, a match is found that is not found otherwise, and some bytes of the
  // block differ. So the state is put where its address has a hash that none of these strings has.

  /// How many addresses there are to choose from.
  private static let places = 8
  /// Lower bits of the address do not matter.
  private static let placeDistance = 1 << 16
  /// So many strings are compared; seen to matter are the first three.
  private static let firstStrings = 8

  private func state(for block: Span<UInt8>) -> UnsafeMutablePointer<isal_zstream> {
    var hashes: [UInt32] = []
    for start in 0..<min(Self.firstStrings, max(0, block.count - 3)) {
      let string = (0..<4).reduce(UInt32(0)) { $0 | UInt32(block[start + $1]) << UInt32(8 * $1) }
      hashes.append(Self.hash(string))
    }
    let place = (0..<Self.places).first { !hashes.contains(addressHash(place: $0)) } ?? 0
    return unsafe (memory.baseAddress! + place * Self.placeDistance).assumingMemoryBound(to: isal_zstream.self)
  }

  /// The hash of what ISA-L takes for a string when the state is at a place.
  func addressHash(place: Int) -> UInt32 {
    let address = unsafe UInt(bitPattern: memory.baseAddress! + place * Self.placeDistance)
    return Self.hash(UInt32(truncatingIfNeeded: address >> 16))
  }

  /// ISA-L's hash of four bytes, as far as both levels use it: CRC-32C without inversion, its lowest 13 bits.
  static func hash(_ string: UInt32) -> UInt32 {
    var sum = string
    for _ in 0..<32 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0x82F6_3B78 }
    return sum & 0x1FFF
  }
}
