/// A stretch of a layer's tar as instructions, so that any thread can produce its bytes: bytes at hand, slices of files
/// still to be read, zeros. Header bytes and paths lie in one array.
struct LayerBatch: Sendable {
  struct Piece: Sendable {
    enum Kind: UInt8 { case bytes, file, zeros }
    var kind: Kind
    /// Where the bytes, or the file's path with its NUL, are in the arena.
    var range: Range<Int> = 0..<0
    var count: Int
    /// The member whose content it is, by its place in the archive; `nil` where nobody asks or it is no content.
    var member: Int?
    /// Where it begins in the member's content, and how long that is.
    var offset: Int64 = 0
    var size: Int64 = 0
    /// Of a file: what the walk saw, and where it is.
    var modificationTime: Int64 = 0
    var nameStart = 0
    var directory: Int?

    /// Whether other pieces have the rest of the member's content.
    var isPartial: Bool { Int64(count) < size }
  }

  private var arena: [UInt8] = []
  private(set) var pieces: [Piece] = []
  /// The directories that files are in.
  private var directories: [HostDirectory] = []
  /// How many bytes it will have.
  private(set) var count = 0
  /// Which part of which source it is, when it holds nothing else.
  var part: Part?
  /// After it, exactly so many leading sources are complete, and nothing else is there.
  var completedSources: Int?

  /// A stretch of a source that is encoded on its own.
  struct Part: Sendable, Hashable {
    var source: LayerRecipe.Source
    var number: Int
  }

  /// - Parameter previous: A batch that will have needed about as much.
  init(like previous: LayerBatch? = nil) {
    guard let previous else { return }
    arena.reserveCapacity(previous.arena.count + previous.arena.count / 8)
    pieces.reserveCapacity(previous.pieces.count + previous.pieces.count / 8)
  }

  mutating func append(bytes: ArraySlice<UInt8>, member: Int? = nil, offset: Int64 = 0, size: Int64 = 0) {
    let start = arena.count
    arena.append(contentsOf: bytes)
    append(
      Piece(
        kind: .bytes, range: start..<arena.count, count: bytes.count, member: member, offset: offset, size: size))
  }

  mutating func append(file: HostFile, _ status: HostStatus, member: Int?, offset: Int64, count: Int) {
    let start = arena.count
    arena.append(contentsOf: file.path)
    append(
      Piece(
        kind: .file, range: start..<arena.count, count: count, member: member, offset: offset, size: status.size,
        modificationTime: status.modificationTime, nameStart: file.nameStart,
        directory: file.directory.map { index(of: $0) }))
  }

  /// Files of one directory come one after the other.
  private mutating func index(of directory: HostDirectory) -> Int {
    if directories.last !== directory { directories.append(directory) }
    return directories.count - 1
  }

  mutating func append(zeros count: Int) {
    append(Piece(kind: .zeros, count: count))
  }

  private mutating func append(_ piece: Piece) {
    pieces.append(piece)
    count += piece.count
  }

  /// Moves the first bytes of another batch to the end of this one, as many as there is room for.
  mutating func take(from other: inout LayerBatch, room: Int) {
    let start = count
    var taken = 0
    while taken < other.pieces.count, count - start < room {
      let piece = other.pieces[taken]
      let part = min(piece.count, room - (count - start))
      var copy = piece
      copy.count = part
      if piece.kind != .zeros {
        let first = arena.count
        let length = piece.kind == .bytes ? part : piece.range.count
        arena.append(contentsOf: other.arena[piece.range].prefix(length))
        copy.range = first..<arena.count
        copy.directory = piece.directory.map { index(of: other.directories[$0]) }
      }
      append(copy)
      if part < piece.count {
        other.pieces[taken].count -= part
        other.pieces[taken].offset += Int64(part)
        if piece.kind == .bytes {
          other.pieces[taken].range = piece.range.lowerBound + part..<piece.range.upperBound
        }
        break
      }
      taken += 1
    }
    other.pieces.removeFirst(taken)
    other.count -= count - start
  }

  /// Produces the bytes.
  /// - Parameter output: As many as `count`.
  func fill(_ output: inout MutableSpan<UInt8>) throws(TarballError) {
    var position = 0
    let arena = arena.span
    for piece in pieces {
      let range = position..<position + piece.count
      switch piece.kind {
      case .bytes: copy(arena.extracting(piece.range), to: &output, at: position)
      case .zeros: for index in range { output[index] = 0 }
      case .file:
        try HostFileSystem.read(
          arena.extracting(piece.range), nameStart: piece.nameStart, in: piece.directory.map { directories[$0] },
          size: piece.size, modificationTime: piece.modificationTime, offset: piece.offset, into: &output, at: range)
      }
      position = range.upperBound
    }
  }
}

func copy(_ source: Span<UInt8>, to destination: inout MutableSpan<UInt8>, at position: Int) {
  precondition(position + source.count <= destination.count)
  unsafe source.withUnsafeBytes { source in
    unsafe destination.withUnsafeMutableBytes { destination in
      unsafe UnsafeMutableRawBufferPointer(rebasing: destination[position...]).copyMemory(from: source)
    }
  }
}
