internal import OCICore

/// Gives the contents of an archive's files in the order of a layer, whatever their order in the archive, without a copy on
/// disk: what comes too early is held in memory as far as there is room, what comes too late is found in another pass.
///
/// Sendable, because only the thread that walks uses it.
final class ArchiveContents: @unchecked Sendable {
  /// So many bytes of content are held at a time.
  static let room = 32 << 20

  private let pass: ArchivePass
  /// The members in the order in which they are wanted, and where each stands in it.
  private let ranks: [Int: [Int]]
  private let order: [Int]
  private let sizes: [Int: Int64]
  private let room: Int

  private var reader: (reader: any MemberReader, locale: String)?
  /// The member that the reader gives next.
  private var next = 0
  private var rank = 0
  private var held: [Int: [UInt8]] = [:]
  private var heldBytes = 0
  /// What of the member that is being read was not taken yet.
  private var rest: ArraySlice<UInt8> = []
  /// How many times the archive was begun.
  private(set) var passCount = 0

  init(_ pass: ArchivePass, order: [Int], sizes: [Int: Int64], room: Int = ArchiveContents.room) {
    self.pass = pass
    self.order = order
    self.sizes = sizes
    self.room = room
    var ranks: [Int: [Int]] = [:]
    for (rank, member) in order.enumerated() { ranks[member, default: []].append(rank) }
    self.ranks = ranks
  }

  /// Goes to the beginning of a member's content.
  func open(_ member: Int) throws {
    // Members are asked for in order, though some may be left out.
    let passed = rank
    rank = nextRank(of: member, from: rank) ?? order.count
    for other in order[min(passed, rank)..<rank] where other != member && !isWanted(other) {
      if let bytes = held.removeValue(forKey: other) { heldBytes -= bytes.count }
    }
    if let bytes = held[member] {
      rest = bytes[...]
      return
    }
    rest = []
    try pass.named {
      if reader == nil || next > member {
        try readToEnd()
        reader = try pass.begin()
        next = 0
        passCount += 1
      }
      guard let (reader, locale) = reader else { return }
      try ReadingThread.withLocale(locale) {
        while let found = try reader.next() {
          let place = next
          next += 1
          if place == member {
            try requireSame(found, place)
            // Other names of it may come later.
            if isWanted(place) { try hold(place, reader) }
            if let bytes = held[place] { rest = bytes[...] }
            return
          }
          try hold(place, reader)
        }
        throw pass.changed
      }
    }
  }

  /// Reads so many bytes more of the member.
  func read(_ count: Int) throws -> ArraySlice<UInt8> {
    if rest.count < count, let (reader, locale) = reader {
      var bytes = Array(rest)
      try pass.named {
        try ReadingThread.withLocale(locale) {
          while bytes.count < count, try reader.nextChunk({ bytes += [UInt8](copying: $0) }) {}
        }
      }
      rest = bytes[...]
    }
    guard rest.count >= count else { throw pass.changed }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  /// Ends the reading, and lets go of what is held: no member is asked for any more.
  func finish() throws {
    defer {
      reader = nil
      held = [:]
      rest = []
      pass.release()
    }
    try pass.named { try readToEnd() }
  }

  /// Whether a store path's archive is what was announced is known at its end.
  private func readToEnd() throws {
    guard pass.isStore, let (reader, locale) = reader else { return }
    try ReadingThread.withLocale(locale) { while try reader.next() != nil {} }
  }

  private func isWanted(_ member: Int) -> Bool { ranks[member]?.last.map { $0 > rank } ?? false }

  private func requireSame(_ found: ArchiveMember, _ place: Int) throws {
    if let size = found.entry.size, size != sizes[place] { throw pass.changed }
  }

  /// Keeps what is wanted later, those that are wanted first before others.
  private func hold(_ member: Int, _ reader: any MemberReader) throws {
    guard held[member] == nil, let wanted = nextRank(of: member, from: rank + 1), let size = sizes[member],
      size <= Int64(room)
    else { return }
    while Int64(heldBytes) + size > Int64(room) {
      let last = held.keys.max { firstRank($0) < firstRank($1) }
      guard let last, firstRank(last) > wanted, let bytes = held.removeValue(forKey: last) else { return }
      heldBytes -= bytes.count
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(size))
    try reader.forEachChunk { chunk in
      guard bytes.count + chunk.count <= Int(size) else { throw pass.changed }
      bytes += [UInt8](copying: chunk)
    }
    guard bytes.count == Int(size) else { throw pass.changed }
    held[member] = bytes
    heldBytes += bytes.count
  }

  private func firstRank(_ member: Int) -> Int { nextRank(of: member, from: rank + 1) ?? .max }

  /// The first place from one on where a member is wanted. It may have very many, so they are not looked through.
  private func nextRank(of member: Int, from start: Int) -> Int? {
    guard let places = ranks[member] else { return nil }
    var (low, high) = (0, places.count)
    while low < high {
      let middle = (low + high) / 2
      if places[middle] < start { low = middle + 1 } else { high = middle }
    }
    return low < places.count ? places[low] : nil
  }
}
