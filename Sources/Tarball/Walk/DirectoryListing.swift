/// The names in a directory and what each is, sorted by the bytes of the names, which lie in one array, a NUL after each.
struct DirectoryListing {
  struct Entry {
    /// Without the NUL that follows.
    fileprivate var range: Range<Int>
    /// `nil` for a file that nobody has looked at yet.
    var status: HostStatus?
  }

  private(set) var entries: [Entry] = []
  private var names: [UInt8] = []

  func name(of entry: Entry) -> ArraySlice<UInt8> { names[entry.range] }

  /// The name with its NUL, as the system takes it.
  func terminatedName(of entry: Entry) -> ArraySlice<UInt8> {
    names[entry.range.lowerBound...entry.range.upperBound]
  }

  mutating func append(name: UnsafeBufferPointer<UInt8>, _ status: HostStatus?) {
    let start = names.count
    unsafe names.append(contentsOf: name)
    entries.append(Entry(range: start..<names.count, status: status))
    names.append(0)
  }

  mutating func sort() {
    guard entries.count > 1 else { return }
    // Small things to move about, and a number that decides most comparisons: names of one directory begin alike and
    // differ soon after.
    var order = keys(from: commonPrefixCount())
    let (names, unsorted) = (names, entries)
    order.sort { left, right in
      if left.key != right.key { return left.key < right.key }
      return names[unsorted[left.index].range].lexicographicallyPrecedes(names[unsorted[right.index].range])
    }
    entries = order.map { unsorted[$0.index] }
  }

  /// With how many bytes all names begin alike.
  private func commonPrefixCount() -> Int {
    let names = names.span
    let first = entries[0].range
    var count = first.count
    for entry in entries {
      let range = entry.range
      count = min(count, range.count)
      var length = 0
      while length < count, names[range.lowerBound + length] == names[first.lowerBound + length] { length += 1 }
      count = length
    }
    return count
  }

  /// Eight bytes of each name as a number, zeros after its end: no name has any.
  private func keys(from offset: Int) -> [(key: UInt64, index: Int)] {
    let names = names.span
    return entries.indices.map { index in
      let range = entries[index].range
      let start = range.lowerBound + offset
      let count = min(8, range.upperBound - start)
      guard count > 0 else { return (0, index) }
      var key: UInt64 = 0
      for position in start..<start + count { key = key << 8 | UInt64(names[position]) }
      return (key << UInt64(8 * (8 - count)), index)
    }
  }
}
