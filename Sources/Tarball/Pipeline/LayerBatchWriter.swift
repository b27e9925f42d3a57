/// Cuts a layer's tar into batches.
///
/// A batch has `size` bytes, or fewer at the end of the layer and around a source of at least `minimumSegment` bytes:
/// such a source begins and ends a batch, so that its bytes are encoded the same whatever lies beside it. The rule is part
/// of every encoding's contract (`docs/layer-format.md`).
struct LayerBatchWriter: LayerSink {
  /// How batches are cut.
  struct Cut: Sendable, Hashable {
    var size: Int
    var minimumSegment: Int
  }

  private let cut: Cut
  private let labelsParts: Bool
  /// Told of each member, when somebody asks for a listing.
  private let list: ((TarEntry) -> Void)?
  private let emit: (LayerBatch) throws -> Void

  private var batch = LayerBatch()
  /// A source that has fewer than `minimumSegment` bytes so far; `nil` outside of sources and in larger ones.
  private var held: LayerBatch?
  private var segment: LayerSegment?
  private var partNumber = 0
  private var memberCount = 0
  private var header: [UInt8] = []

  /// - Parameter emit: Takes each batch when it is complete; may wait.
  init(
    _ cut: Cut, labelsParts: Bool, list: ((TarEntry) -> Void)? = nil, emit: @escaping (LayerBatch) throws -> Void
  ) {
    self.cut = cut
    self.labelsParts = labelsParts
    self.list = list
    self.emit = emit
  }

  mutating func append(_ entry: TarEntry, _ content: EntryContent) throws {
    header.removeAll(keepingCapacity: true)
    try TarHeader.append(entry, to: &header)
    list?(entry)
    let member = list == nil ? nil : memberCount
    memberCount += 1
    try append(verbatim: header[...])
    guard entry.size > 0 else { return }
    if case .archive(let contents, let file, _) = content { try contents.open(file) }
    var offset: Int64 = 0
    while offset < entry.size {
      let count = room(for: entry.size - offset)
      switch content {
      case .none: preconditionFailure("a member of \(entry.size) bytes without content")
      case .bytes(let bytes):
        let part = bytes[Int(offset)..<Int(offset) + count]
        change { $0.append(bytes: part, member: member, offset: offset, size: entry.size) }
      case .archive(let contents, _, _):
        let part = try contents.read(count)
        change { $0.append(bytes: part, member: member, offset: offset, size: entry.size) }
      case .host(let file, let status):
        change { $0.append(file: file, status, member: member, offset: offset, count: count) }
      }
      offset += Int64(count)
      try emitIfFull()
    }
    try append(zeros: TarHeader.padding(after: entry.size))
  }

  /// Adds bytes that are no member of ours.
  mutating func append(verbatim bytes: ArraySlice<UInt8>) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = room(for: Int64(rest.count))
      change { $0.append(bytes: rest.prefix(count)) }
      rest = rest.dropFirst(count)
      try emitIfFull()
    }
  }

  /// Ends what was added verbatim.
  mutating func finishVerbatim() throws { try emitBatch() }

  /// Ends the archive: two zero blocks.
  mutating func finish() throws {
    try append(zeros: 2 * TarHeader.blockSize)
    try emitBatch()
  }

  private mutating func append(zeros count: Int) throws {
    var rest = count
    while rest > 0 {
      let part = room(for: Int64(rest))
      change { $0.append(zeros: part) }
      rest -= part
      try emitIfFull()
    }
  }

  // MARK: Cutting

  private var fill: Int { held?.count ?? batch.count }

  private func room(for count: Int64) -> Int {
    Int(min(count, Int64((held == nil ? cut.size : cut.minimumSegment) - fill)))
  }

  private mutating func change(_ body: (inout LayerBatch) -> Void) {
    if held != nil { body(&held!) } else { body(&batch) }
  }

  private mutating func emitIfFull() throws {
    if let large = held {
      guard large.count == cut.minimumSegment else { return }
      try emitBatch()
      batch = large
      held = nil
    }
    if batch.count == cut.size { try emitBatch() }
  }

  private mutating func emitBatch() throws {
    guard batch.count > 0 else { return }
    if labelsParts, let segment, held == nil {
      batch.part = LayerBatch.Part(source: segment.source, number: partNumber)
      partNumber += 1
    }
    let complete = batch
    batch = LayerBatch(like: complete)
    try emit(complete)
  }

  mutating func beginSegment(_ segment: LayerSegment) throws {
    self.segment = segment
    partNumber = 0
    held = LayerBatch()
  }

  mutating func endSegment() throws {
    if var small = held {
      held = nil
      segment = nil
      try merge(&small)
    } else {
      if labelsParts { batch.completedSources = segment?.leadingCount.map { $0 + 1 } }
      try emitBatch()
      segment = nil
    }
  }

  /// Appends a small source to the batch, across the end of it.
  private mutating func merge(_ small: inout LayerBatch) throws {
    while small.count > 0 {
      batch.take(from: &small, room: cut.size - batch.count)
      try emitIfFull()
    }
  }
}
