/// Memory for one batch: its tar, as far as it is at hand, what is still to be read, and what becomes of it. The bound on a
/// layer's memory is the number of these.
///
/// Sendable, because it is used by one thread at a time: the walk, a filler, the consumer.
@safe final class Slot: @unchecked Sendable {
  /// A stretch of the tar that comes from a place in something larger.
  struct Stretch {
    var range: Range<Int>
    /// Where it begins there.
    var offset: Int64

    /// What of it lies in a part of the tar, where that part is moved by `shift`; `nil` for nothing.
    func moved(_ part: Range<Int>, by shift: Int) -> Stretch? {
      let kept = range.clamped(to: part)
      guard !kept.isEmpty else { return nil }
      return Stretch(
        range: kept.lowerBound + shift..<kept.upperBound + shift,
        offset: offset + Int64(kept.lowerBound - range.lowerBound))
    }
  }

  /// A part of a file that is still to be read.
  private struct Hole {
    var stretch: Stretch
    /// `nil` when it has been read.
    var file: HostFile?
    var status: HostStatus
  }

  /// A member's content, or a part of it.
  struct Content {
    var stretch: Stretch
    /// The member's place in the archive.
    var member: Int
    /// How long the whole content is.
    var size: Int64

    /// Whether other batches have the rest.
    var isPartial: Bool { Int64(stretch.range.count) < size }

    /// Whether it is the last part.
    var isLast: Bool { stretch.offset + Int64(stretch.range.count) == size }
  }

  private let tar: UnsafeMutableBufferPointer<UInt8>
  private var encoded: UnsafeMutableBufferPointer<UInt8>?
  private(set) var tarCount = 0
  private(set) var encodedCount = 0
  private var holes: [Hole] = []
  /// Whether open files are read when they are added, because whoever adds them would do it afterwards, too.
  var readsAtOnce = false
  /// Kept where somebody wants to know.
  private(set) var contents: [Content] = []

  /// Pages are copied from the system's cache at half the speed to a place that is not aligned as they are: the members'
  /// contents are at multiples of 512 bytes.
  private static let alignment = 4096

  init(tarCapacity: Int) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: tarCapacity, alignment: Self.alignment)
    unsafe tar = memory.bindMemory(to: UInt8.self)
  }

  deinit {
    unsafe tar.deallocate()
    unsafe encoded?.deallocate()
  }

  /// How many bytes of tar there is room for.
  var room: Int { unsafe tar.count - tarCount }

  // MARK: Writing

  /// Forgets what is here.
  func clear() {
    tarCount = 0
    encodedCount = 0
    holes.removeAll(keepingCapacity: true)
    contents.removeAll(keepingCapacity: true)
  }

  func append(_ bytes: ArraySlice<UInt8>) { unsafe bytes.withUnsafeBytes { unsafe append($0) } }

  func append(_ bytes: Span<UInt8>) { unsafe bytes.withUnsafeBytes { unsafe append($0) } }

  private func append(_ bytes: UnsafeRawBufferPointer) {
    let range = extend(by: bytes.count)
    unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(tar)[range]).copyMemory(from: bytes)
  }

  func append(zeros count: Int) {
    let range = extend(by: count)
    unsafe UnsafeMutableBufferPointer(rebasing: tar[range]).update(repeating: 0)
  }

  /// Adds a part of a file, to be read later; or at once, where that is wanted, or many open files wait for it already.
  func append(_ file: HostFile, _ status: HostStatus, offset: Int64, count: Int) throws(TarballError) {
    let range = extend(by: count)
    // What takes longer to read is opened for each part: it is more easily gone, which an open file does not notice.
    let staysOpen = unsafe status.size <= tar.count
    if staysOpen, file.handle != nil, readsAtOnce || HostFile.areManyOpen {
      var span = unsafe tar.mutableSpan
      try HostFileSystem.read(file, status, offset: offset, into: &span, at: range)
    } else {
      let stretch = Stretch(range: range, offset: offset)
      holes.append(Hole(stretch: stretch, file: staysOpen ? file : file.unopened(), status: status))
    }
  }

  /// Notes that the last bytes are of a member's content.
  func note(_ count: Int, of member: Int, offset: Int64, size: Int64) {
    let stretch = Stretch(range: tarCount - count..<tarCount, offset: offset)
    contents.append(Content(stretch: stretch, member: member, size: size))
  }

  /// Adds a part of another slot's tar, with what is still to be read of it.
  func append(_ part: Range<Int>, of other: Slot) {
    let shift = tarCount - part.lowerBound
    unsafe append(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: other.tar[part])))
    for var hole in other.holes {
      guard let moved = hole.stretch.moved(part, by: shift) else { continue }
      hole.stretch = moved
      holes.append(hole)
    }
    for var content in other.contents {
      guard let moved = content.stretch.moved(part, by: shift) else { continue }
      content.stretch = moved
      contents.append(content)
    }
  }

  private func extend(by count: Int) -> Range<Int> {
    precondition(count <= room)
    defer { tarCount += count }
    return tarCount..<tarCount + count
  }

  /// Reads what is missing.
  func complete() throws(TarballError) {
    var span = unsafe tar.mutableSpan
    var missing: [Hole] = []
    swap(&missing, &holes)
    for index in missing.indices {
      guard let file = missing[index].file.take() else { continue }
      let (status, stretch) = (missing[index].status, missing[index].stretch)
      try HostFileSystem.read(file, status, offset: stretch.offset, into: &span, at: stretch.range)
    }
    // Back, because its memory is used again.
    missing.removeAll(keepingCapacity: true)
    swap(&missing, &holes)
  }

  /// Encodes the tar.
  func encode(with encoder: any BlockEncoder) throws(TarballError) {
    let output: UnsafeMutableBufferPointer<UInt8>
    if let encoded = unsafe encoded {
      unsafe output = encoded
    } else {
      unsafe output = .allocate(capacity: encoder.bound(tar.count))
      unsafe encoded = output
    }
    var span = unsafe output.mutableSpan
    encodedCount = try encoder.encode(unsafe UnsafeBufferPointer(rebasing: tar[..<tarCount]).span, into: &span)
  }

  // MARK: Reading

  func withTar<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
    try unsafe body(UnsafeBufferPointer(rebasing: tar[..<tarCount]).span)
  }

  func withEncoded<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
    guard let encoded = unsafe encoded else { return try body(Span()) }
    return try unsafe body(UnsafeBufferPointer(rebasing: encoded[..<encodedCount]).span)
  }
}

extension Array where Element == UInt8 {
  /// A copy of bytes.
  init(copying span: Span<UInt8>) {
    self = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
  }
}
