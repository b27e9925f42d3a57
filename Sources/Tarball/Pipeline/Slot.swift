/// Memory for one batch: its tar, as far as it is at hand, what is still to be read, and what becomes of it. The bound on a
/// layer's memory is the number of these.
///
/// Sendable, because it is used by one thread at a time: the walk, a filler, the consumer.
@safe final class Slot: @unchecked Sendable {
  /// A stretch of the tar that some file has.
  struct Hole {
    var range: Range<Int>
    var file: HostFile
    var status: HostStatus
    /// Where it begins in the file.
    var offset: Int64
  }

  /// A stretch of the tar that is a member's content, or a part of it.
  struct Content {
    var range: Range<Int>
    /// The member's place in the archive.
    var member: Int
    /// Where it begins in the content, and how long that is.
    var offset: Int64
    var size: Int64

    /// Whether other batches have the rest.
    var isPartial: Bool { Int64(range.count) < size }
  }

  private let tar: UnsafeMutableBufferPointer<UInt8>
  private var encoded: UnsafeMutableBufferPointer<UInt8>?
  private(set) var tarCount = 0
  private(set) var encodedCount = 0
  private var holes: [Hole] = []
  /// Kept where somebody wants to know.
  private(set) var contents: [Content] = []

  init(tarCapacity: Int) { unsafe tar = .allocate(capacity: tarCapacity) }

  deinit {
    unsafe tar.deallocate()
    unsafe encoded?.deallocate()
  }

  /// How many bytes of tar there is room for.
  var room: Int { unsafe tar.count - tarCount }

  /// Whether every byte of the tar is here.
  var isComplete: Bool { holes.isEmpty }

  // MARK: Writing

  /// Forgets what is here.
  func clear() {
    tarCount = 0
    encodedCount = 0
    holes.removeAll(keepingCapacity: true)
    contents.removeAll(keepingCapacity: true)
  }

  func append(_ bytes: ArraySlice<UInt8>) { unsafe bytes.withUnsafeBytes { unsafe append($0) } }

  private func append(_ bytes: UnsafeRawBufferPointer) {
    let range = extend(by: bytes.count)
    unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(tar)[range]).copyMemory(from: bytes)
  }

  func append(zeros count: Int) {
    let range = extend(by: count)
    unsafe UnsafeMutableBufferPointer(rebasing: tar[range]).update(repeating: 0)
  }

  /// Adds a part of a file, to be read later; or at once, where many open files wait for that already.
  func append(_ file: HostFile, _ status: HostStatus, offset: Int64, count: Int) throws(TarballError) {
    let range = extend(by: count)
    var file = file
    // What takes longer to read is opened for each part: it is more easily gone, which an open file does not notice.
    if unsafe status.size > tar.count { file.opened = nil }
    if file.opened != nil, OpenFile.areMany {
      var span = unsafe tar.mutableSpan
      try HostFileSystem.read(file, status, offset: offset, into: &span, at: range)
    } else {
      holes.append(Hole(range: range, file: file, status: status, offset: offset))
    }
  }

  /// Notes that the last bytes are of a member's content.
  func note(_ count: Int, of member: Int, offset: Int64, size: Int64) {
    contents.append(Content(range: tarCount - count..<tarCount, member: member, offset: offset, size: size))
  }

  /// Adds a part of another slot's tar, with what is still to be read of it.
  func append(_ part: Range<Int>, of other: Slot) {
    let shift = tarCount - part.lowerBound
    unsafe append(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: other.tar[part])))
    for hole in other.holes where hole.range.overlaps(part) {
      let range = hole.range.clamped(to: part)
      var copy = hole
      copy.range = range.lowerBound + shift..<range.upperBound + shift
      copy.offset += Int64(range.lowerBound - hole.range.lowerBound)
      holes.append(copy)
    }
    for content in other.contents where content.range.overlaps(part) {
      let range = content.range.clamped(to: part)
      var copy = content
      copy.range = range.lowerBound + shift..<range.upperBound + shift
      copy.offset += Int64(range.lowerBound - content.range.lowerBound)
      contents.append(copy)
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
    for index in holes.indices {
      let hole = holes[index]
      try HostFileSystem.read(hole.file, hole.status, offset: hole.offset, into: &span, at: hole.range)
      holes[index].file.opened = nil
    }
    holes.removeAll(keepingCapacity: true)
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
