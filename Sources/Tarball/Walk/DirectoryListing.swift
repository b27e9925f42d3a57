/// The names in a directory and what each is, sorted by the bytes of the names, which lie in one array.
struct DirectoryListing {
  struct Entry {
    fileprivate var range: Range<Int>
    /// The first eight bytes of the name as a number, which decides most comparisons.
    fileprivate var key: UInt64
    var status: HostStatus
  }

  private(set) var entries: [Entry] = []
  private var names: [UInt8] = []

  func name(of entry: Entry) -> ArraySlice<UInt8> { names[entry.range] }

  mutating func append(name: UnsafeBufferPointer<UInt8>, _ status: HostStatus) {
    let start = names.count
    unsafe names.append(contentsOf: name)
    var key: UInt64 = 0
    for index in 0..<8 { key = key << 8 | (unsafe index < name.count ? UInt64(name[index]) : 0) }
    entries.append(Entry(range: start..<names.count, key: key, status: status))
  }

  mutating func sort() {
    let names = names
    entries.sort { left, right in
      left.key != right.key
        ? left.key < right.key : names[left.range].lexicographicallyPrecedes(names[right.range])
    }
  }
}
