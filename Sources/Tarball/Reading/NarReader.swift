internal import OCICore

/// Reads a NAR, the archive of one store path whose hash Nix registers. A tree has exactly one, so whatever departs from it
/// is refused.
///
/// Strings are their length in eight bytes, lowest first, the bytes, and zeros up to a multiple of eight. Directories nest in
/// the bytes, but not on the stack here.
final class NarReader: MemberReader {
  /// What every NAR begins with.
  static let magic = encoded("nix-archive-1")
  /// The most bytes of a path in it: what systems take.
  static let longestPath = 4096

  private static let beginning = encoded("(") + encoded("type")
  private static let entryBeginning = encoded("(") + encoded("name")
  private static let node = encoded("node")
  private static let target = encoded("target")
  private static let empty = encoded("")
  private static let end = encoded(")")

  private static func encoded(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) }
    return length + bytes + [UInt8](repeating: 0, count: padding(after: UInt64(bytes.count)))
  }

  private static func padding(after length: UInt64) -> Int { Int((8 - length % 8) % 8) }

  /// A directory whose entries are being read.
  private struct Directory {
    /// The length of its own path.
    var pathCount: Int
    /// The entry before, which the next has to follow.
    var lastName: [UInt8] = []
  }

  private enum State { case beginning, entries, content, end }

  private let limits: ArchiveLimits
  private let isCancelled: () -> Bool
  private let pull: () throws -> [UInt8]
  private var buffer: [UInt8] = []
  private var position = 0
  /// How many bytes came before the buffer.
  private var bufferOffset: Int64 = 0
  private var state = State.beginning
  private var directories: [Directory] = []
  private var path: [UInt8] = []
  private var memberCount = 0
  /// What is left of the content of the member, and how many zeros follow it.
  private var rest: Int64 = 0
  private var padding = 0

  /// - Parameter pull: Gives the next bytes, without compression; none at the end.
  init(limits: ArchiveLimits, isCancelled: @escaping () -> Bool, _ pull: @escaping () throws -> [UInt8]) {
    self.limits = limits
    self.isCancelled = isCancelled
    self.pull = pull
  }

  // MARK: Members

  func next() throws -> ArchiveMember? {
    if isCancelled() { throw CancellationError() }
    switch state {
    case .beginning:
      try expect(Self.magic, "'nix-archive-1'")
      return try member()
    case .content:
      try forEachChunk { _ in }
      try skipZeros(padding)
      try endNode()
    case .entries: break
    case .end: return nil
    }
    while state == .entries {
      switch try string(upTo: 8) {
      case Array("entry".utf8): return try entry()
      case Array(")".utf8):
        directories.removeLast()
        try endEntry()
      default: throw invalid("has neither an entry nor the end of a directory")
      }
    }
    return nil
  }

  private func entry() throws -> ArchiveMember {
    try expect(Self.entryBeginning, "the name of an entry")
    let name = try string(upTo: Self.longestPath)
    let last = directories[directories.count - 1]
    let slash = UInt8(ascii: "/")
    guard !name.isEmpty, name != Array(".".utf8), name != Array("..".utf8), !name.contains(slash), !name.contains(0)
    else {
      throw invalid("has an entry named '\(String(decoding: name, as: UTF8.self))', which no file can be")
    }
    guard last.lastName.lexicographicallyPrecedes(name) else {
      throw invalid("has the entry '\(String(decoding: name, as: UTF8.self))' twice, or not in the order of names")
    }
    directories[directories.count - 1].lastName = name
    path.removeLast(path.count - last.pathCount)
    if !path.isEmpty { path.append(slash) }
    path += name
    guard path.count <= Self.longestPath else { throw invalid("has a path of more than \(Self.longestPath) bytes") }
    try expect(Self.node, "what an entry is")
    return try member()
  }

  private func member() throws -> ArchiveMember {
    memberCount += 1
    guard memberCount <= limits.memberCount else {
      throw TarballError(.limitExceeded, "the NAR has more than \(limits.memberCount) members")
    }
    try expect(Self.beginning, "a type")
    var result = LayerListing.Entry(path: path.isEmpty ? [UInt8(ascii: ".")] : path, kind: .file)
    switch try string(upTo: 16) {
    case Array("regular".utf8):
      var tag = try string(upTo: 16)
      let isExecutable = tag == Array("executable".utf8)
      if isExecutable {
        try expect(Self.empty, "the mark of a program")
        tag = try string(upTo: 16)
      }
      guard tag == Array("contents".utf8) else { throw invalid("has a file without contents") }
      let length = try length()
      guard length <= UInt64(limits.contentSize) else {
        throw invalid("has a file of \(length) bytes, more than there can be")
      }
      result.mode = isExecutable ? 0o555 : 0o444
      result.size = Int64(length)
      rest = Int64(length)
      padding = Self.padding(after: length)
      state = .content
    case Array("directory".utf8):
      result.kind = .directory
      result.mode = 0o555
      directories.append(Directory(pathCount: path.count))
      state = .entries
    case Array("symlink".utf8):
      result.kind = .symlink
      result.mode = 0o777
      try expect(Self.target, "the target of a link")
      let target = try string(upTo: limits.metadataLength)
      guard !target.isEmpty, !target.contains(0) else { throw invalid("has a link to a name that no file can have") }
      result.linkTarget = target
      try endNode()
    default: throw invalid("has a member that is no file, directory or symbolic link")
    }
    return ArchiveMember(name: result.path, entry: result, warning: nil)
  }

  private func endNode() throws {
    try expect(Self.end, "the end of a member")
    try endEntry()
  }

  /// After a member: the end of its entry, or of all.
  private func endEntry() throws {
    guard directories.isEmpty else {
      state = .entries
      return try expect(Self.end, "the end of an entry")
    }
    guard try !fill() else { throw invalid("goes on after its end") }
    state = .end
  }

  // MARK: Content

  func nextChunk(_ body: (Span<UInt8>) throws -> Void) throws -> Bool {
    guard state == .content, rest > 0 else { return false }
    if isCancelled() { throw CancellationError() }
    guard try fill() else { throw endsEarly }
    let count = Int(min(rest, Int64(buffer.count - position)))
    let range = position..<position + count
    rest -= Int64(count)
    position = range.upperBound
    let chunk = buffer
    try body(chunk.span.extracting(range))
    return true
  }

  func forEachChunk(_ body: (Span<UInt8>) throws -> Void) throws { while try nextChunk(body) {} }

  // MARK: Bytes

  /// Makes sure that there is a byte to read; `false` at the end.
  private func fill() throws -> Bool {
    guard position == buffer.count else { return true }
    bufferOffset += Int64(buffer.count)
    position = 0
    buffer = try pull()
    return !buffer.isEmpty
  }

  private func byte() throws -> UInt8 {
    guard try fill() else { throw endsEarly }
    position += 1
    return buffer[position - 1]
  }

  private func expect(_ bytes: [UInt8], _ what: String) throws {
    for expected in bytes where try byte() != expected { throw invalid("does not have \(what) where it must be") }
  }

  private func length() throws -> UInt64 {
    var result: UInt64 = 0
    for shift in 0..<8 { result |= UInt64(try byte()) << UInt64(8 * shift) }
    return result
  }

  /// - Parameter limit: More is not read, and nothing is allocated for it.
  private func string(upTo limit: Int) throws -> [UInt8] {
    let length = try length()
    guard length <= UInt64(limit) else { throw invalid("has a text of \(length) bytes where \(limit) are the most") }
    var result: [UInt8] = []
    result.reserveCapacity(Int(length))
    while result.count < Int(length) {
      guard try fill() else { throw endsEarly }
      let part = buffer[position...].prefix(Int(length) - result.count)
      position += part.count
      result += part
    }
    try skipZeros(Self.padding(after: length))
    return result
  }

  private func skipZeros(_ count: Int) throws {
    for _ in 0..<count where try byte() != 0 { throw invalid("has something else than zeros between its parts") }
  }

  private var endsEarly: TarballError { invalid("ends in the middle") }

  private func invalid(_ why: String) -> TarballError {
    TarballError(.invalidArchive, "the NAR \(why) (at byte \(bufferOffset + Int64(position)))")
  }
}
