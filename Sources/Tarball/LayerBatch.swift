/// A stretch of a layer's tar as instructions, so that any thread can produce its bytes: header bytes at hand, slices of
/// files still to be read, zeros.
struct LayerBatch: Sendable {
  /// How many bytes of tar a batch has; the last one has fewer. Part of the gzip contract.
  static let size = 1 << 20

  private enum Piece: Sendable {
    case header(Range<Int>)
    case file(index: Int, offset: Int64, count: Int)
    case zeros(Int)
  }
  private struct File: Sendable {
    var path: HostFileSystem.Path
    var status: HostStatus
  }

  private var headers: [UInt8] = []
  private var files: [File] = []
  private var pieces: [Piece] = []
  /// How many bytes it will have.
  private(set) var count = 0

  var room: Int { Self.size - count }

  mutating func append(header bytes: ArraySlice<UInt8>) {
    pieces.append(.header(headers.count..<headers.count + bytes.count))
    headers.append(contentsOf: bytes)
    count += bytes.count
  }

  mutating func append(file path: HostFileSystem.Path, _ status: HostStatus, offset: Int64, count: Int) {
    files.append(File(path: path, status: status))
    pieces.append(.file(index: files.count - 1, offset: offset, count: count))
    self.count += count
  }

  mutating func append(zeros count: Int) {
    pieces.append(.zeros(count))
    self.count += count
  }

  /// Produces the bytes into an empty buffer.
  func fill(_ buffer: inout [UInt8]) throws(TarballError) {
    for piece in pieces {
      switch piece {
      case .header(let range): buffer.append(contentsOf: headers[range])
      case .zeros(let count): buffer.append(contentsOf: repeatElement(0, count: count))
      case .file(let index, let offset, let count):
        try HostFileSystem.read(
          files[index].path, expecting: files[index].status, offset: offset, count: count, into: &buffer)
      }
    }
  }
}

/// Cuts a layer's tar into batches of equal size.
struct LayerBatchWriter {
  private var batch = LayerBatch()
  private let emit: (LayerBatch) throws -> Void

  /// - Parameter emit: Takes each full batch; may wait.
  init(emit: @escaping (LayerBatch) throws -> Void) { self.emit = emit }

  /// Adds an entry; a file's content comes from `source`.
  mutating func append(_ entry: TarEntry, source: HostFileSystem.Path, status: HostStatus?) throws {
    var header: [UInt8] = []
    TarHeader.append(entry, to: &header)
    var rest = header[...]
    while !rest.isEmpty {
      let part = rest.prefix(batch.room)
      batch.append(header: part)
      rest = rest.dropFirst(part.count)
      try emitIfFull()
    }
    guard let status, entry.size > 0 else { return }
    var offset: Int64 = 0
    while offset < entry.size {
      let count = Int(min(Int64(batch.room), entry.size - offset))
      batch.append(file: source, status, offset: offset, count: count)
      offset += Int64(count)
      try emitIfFull()
    }
    try append(zeros: TarHeader.padding(after: entry.size))
  }

  /// Ends the archive: two zero blocks.
  mutating func finish() throws {
    try append(zeros: 2 * TarHeader.blockSize)
    if batch.count > 0 { try emit(batch) }
    batch = LayerBatch()
  }

  private mutating func append(zeros count: Int) throws {
    var rest = count
    while rest > 0 {
      let part = min(rest, batch.room)
      batch.append(zeros: part)
      rest -= part
      try emitIfFull()
    }
  }

  private mutating func emitIfFull() throws {
    guard batch.room == 0 else { return }
    try emit(batch)
    batch = LayerBatch()
  }
}
