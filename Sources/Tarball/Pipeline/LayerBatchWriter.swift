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
  /// Gives memory for the next batch; may wait.
  private let makeSlot: () throws -> Slot
  private let emit: (LayerBatch) throws -> Void

  /// The batch that is being written; `nil` where nothing is in it yet.
  private var slot: Slot?
  /// A source that has fewer than `minimumSegment` bytes so far.
  private let held: Slot
  private var isHolding = false
  private var segment: LayerSegment?
  private var partNumber = 0
  private var memberCount = 0
  private var header: [UInt8] = []

  /// - Parameters:
  ///   - makeSlot: Gives an empty slot for `size` bytes; may wait.
  ///   - emit: Takes each batch when it is complete; may wait.
  init(
    _ cut: Cut, labelsParts: Bool, list: ((TarEntry) -> Void)? = nil, makeSlot: @escaping () throws -> Slot,
    emit: @escaping (LayerBatch) throws -> Void
  ) {
    self.cut = cut
    self.labelsParts = labelsParts
    self.list = list
    self.makeSlot = makeSlot
    self.emit = emit
    held = Slot(tarCapacity: cut.minimumSegment)
  }

  mutating func append(_ member: LayerMember) throws {
    try appendHeader(member.entry)
    list?(member.entry)
    let number = list == nil ? nil : memberCount
    memberCount += 1
    let size = member.entry.size
    guard size > 0 else { return }
    if case .archive(let contents, let file, _) = member.content { try contents.open(file) }
    var offset: Int64 = 0
    while offset < size {
      let slot = try target()
      let count = Int(min(size - offset, Int64(slot.room)))
      switch member.content {
      case .none: preconditionFailure("a member of \(size) bytes without content")
      case .bytes(let bytes): slot.append(bytes[Int(offset)..<Int(offset) + count])
      case .archive(let contents, _, _): slot.append(try contents.read(count))
      case .host(let file, let status): try slot.append(file, status, offset: offset, count: count)
      }
      if let number { slot.note(count, of: number, offset: offset, size: size) }
      offset += Int64(count)
      try emitIfFull()
    }
    try append(zeros: TarHeader.padding(after: size))
  }

  private mutating func appendHeader(_ entry: TarEntry) throws {
    // Out of here and back, because its memory is used again.
    var header: [UInt8] = []
    swap(&header, &self.header)
    header.removeAll(keepingCapacity: true)
    try TarHeader.append(entry, to: &header)
    try append(verbatim: header.span)
    swap(&header, &self.header)
  }

  /// Adds bytes that are no member of ours.
  mutating func append(verbatim bytes: Span<UInt8>) throws {
    var start = 0
    while start < bytes.count {
      let slot = try target()
      let end = min(bytes.count, start + slot.room)
      slot.append(bytes.extracting(start..<end))
      start = end
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
      let slot = try target()
      let part = min(rest, slot.room)
      slot.append(zeros: part)
      rest -= part
      try emitIfFull()
    }
  }

  // MARK: Cutting

  /// Where the next bytes go; there is room for some.
  private mutating func target() throws -> Slot { isHolding ? held : try openSlot() }

  private mutating func openSlot() throws -> Slot {
    if let slot { return slot }
    let new = try makeSlot()
    slot = new
    return new
  }

  private mutating func emitIfFull() throws {
    if isHolding {
      guard held.room == 0 else { return }
      try emitBatch()
      try openSlot().append(0..<held.tarCount, of: held)
      held.clear()
      isHolding = false
    }
    if slot?.room == 0 { try emitBatch() }
  }

  /// - Parameter completedSources: After the batch, so many leading sources are complete.
  private mutating func emitBatch(completedSources: Int? = nil) throws {
    guard let slot else { return }
    var batch = LayerBatch(slot: slot, completedSources: completedSources)
    if labelsParts, let segment, !isHolding {
      batch.part = LayerBatch.Part(source: segment.source, number: partNumber)
      partNumber += 1
    }
    self.slot = nil
    try emit(batch)
  }

  mutating func beginSegment(_ segment: LayerSegment) throws {
    self.segment = segment
    partNumber = 0
    isHolding = true
  }

  mutating func endSegment() throws {
    if isHolding {
      isHolding = false
      segment = nil
      try mergeHeld()
    } else {
      // Where the source ends with a full batch, that is gone already.
      try emitBatch(completedSources: labelsParts ? segment?.leadingCount.map { $0 + 1 } : nil)
      segment = nil
    }
  }

  /// Appends a small source to the batch, across the end of it.
  private mutating func mergeHeld() throws {
    var start = 0
    while start < held.tarCount {
      let slot = try openSlot()
      let end = min(held.tarCount, start + slot.room)
      slot.append(start..<end, of: held)
      start = end
      try emitIfFull()
    }
    held.clear()
  }
}
