/// The header grammar of layers, to the byte: ustar where it can hold the values, PAX records where it cannot.
///
/// It is the grammar of the tools that write most images, so that equal trees give equal diffIDs; `docs/layer-format.md`
/// specifies it. Its name is part of every cache key: a change of one byte is a new grammar.
enum TarHeader {
  /// The name of this grammar and its version.
  static let grammar = "ustar-pax-1"
  static let blockSize = 512

  /// Appends the header of an entry: one block, or three and more where PAX records are needed.
  static func append(_ entry: TarEntry, to output: inout [UInt8]) {
    let records = paxRecords(of: entry)
    guard !records.isEmpty else {
      let (prefix, name) = ustarSplit(entry.path) ?? ([], entry.path[...])
      appendMainBlock(of: entry, name: name, prefix: prefix, to: &output)
      return
    }
    appendExtendedBlocks(records, name: extendedHeaderName(for: entry.path), to: &output)
    appendMainBlock(of: entry, name: plainBytes(entry.path)[...], prefix: [], to: &output)
  }

  /// How many zero bytes follow `count` bytes of content.
  static func padding(after count: Int64) -> Int {
    Int((Int64(blockSize) - count % Int64(blockSize)) % Int64(blockSize))
  }

  // MARK: Which form

  /// The PAX records an entry needs, sorted by key; empty when ustar holds everything.
  private static func paxRecords(of entry: TarEntry) -> [(key: String, value: [UInt8])] {
    let isNameHeld = isPlain(entry.path) && (entry.path.count <= 100 || ustarSplit(entry.path) != nil)
    var records: [(key: String, value: [UInt8])] = []
    func number(_ key: String, _ value: Int64, digits: Int) {
      if value < 0 || value >= 1 << Int64(3 * digits) { records.append((key, Array(String(value).utf8))) }
    }
    number("gid", entry.gid, digits: 7)
    if !isPlain(entry.linkTarget) || entry.linkTarget.count > 100 { records.append(("linkpath", entry.linkTarget)) }
    number("mtime", entry.modificationTime, digits: 11)
    let pathPosition = records.count
    number("size", entry.size, digits: 11)
    number("uid", entry.uid, digits: 7)
    // Once anything needs PAX, a name over 100 bytes is written as a record even where it could be split.
    let needsPAX = !records.isEmpty || !isNameHeld
    if needsPAX, !isPlain(entry.path) || entry.path.count > 100 {
      records.insert(("path", entry.path), at: pathPosition)
    }
    return records
  }

  /// Whether every byte is ASCII and none is NUL.
  private static func isPlain(_ bytes: [UInt8]) -> Bool {
    bytes.allSatisfy { $0 != 0 && $0 < 0x80 }
  }

  private static func plainBytes(_ bytes: [UInt8]) -> [UInt8] {
    bytes.filter { $0 != 0 && $0 < 0x80 }
  }

  /// Splits a long name at a slash into prefix (at most 155 bytes) and name (at most 100); `nil` for short names and for
  /// those that no slash splits.
  private static func ustarSplit(_ path: [UInt8]) -> (prefix: ArraySlice<UInt8>, name: ArraySlice<UInt8>)? {
    guard path.count > 100 else { return nil }
    let slash = UInt8(ascii: "/")
    let window = path.count > 156 ? 156 : path.last == slash ? path.count - 1 : path.count
    guard let cut = path[..<window].lastIndex(of: slash), (1...155).contains(cut) else { return nil }
    let name = path[(cut + 1)...]
    return (1...100).contains(name.count) ? (path[..<cut], name) : nil
  }

  // MARK: Blocks

  private static func appendMainBlock(
    of entry: TarEntry, name: ArraySlice<UInt8>, prefix: ArraySlice<UInt8>, to output: inout [UInt8]
  ) {
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: blockSize))
    put(string: name, width: 100, at: start, in: &output)
    put(octal: Int64(entry.mode & 0o7777), width: 8, at: start + 100, in: &output)
    put(octal: entry.uid, width: 8, at: start + 108, in: &output)
    put(octal: entry.gid, width: 8, at: start + 116, in: &output)
    put(octal: entry.size, width: 12, at: start + 124, in: &output)
    put(octal: entry.modificationTime, width: 12, at: start + 136, in: &output)
    output[start + 156] = entry.typeFlag
    put(string: plainBytes(entry.linkTarget)[...], width: 100, at: start + 157, in: &output)
    put(octal: 0, width: 8, at: start + 329, in: &output)
    put(octal: 0, width: 8, at: start + 337, in: &output)
    put(string: prefix, width: 155, at: start + 345, in: &output)
    seal(blockAt: start, in: &output)
  }

  private static func appendExtendedBlocks(
    _ records: [(key: String, value: [UInt8])], name: [UInt8], to output: inout [UInt8]
  ) {
    var data: [UInt8] = []
    for (key, value) in records { data.append(contentsOf: paxRecord(key, value)) }
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: blockSize))
    put(string: name[...], width: 100, at: start, in: &output)
    put(octal: 0, width: 8, at: start + 100, in: &output)
    put(octal: 0, width: 8, at: start + 108, in: &output)
    put(octal: 0, width: 8, at: start + 116, in: &output)
    put(octal: Int64(data.count), width: 12, at: start + 124, in: &output)
    put(octal: 0, width: 12, at: start + 136, in: &output)
    output[start + 156] = UInt8(ascii: "x")
    seal(blockAt: start, in: &output)
    output.append(contentsOf: data)
    output.append(contentsOf: repeatElement(0, count: padding(after: Int64(data.count))))
  }

  /// `LENGTH KEY=VALUE\n`, where LENGTH counts the whole record, its own digits included.
  static func paxRecord(_ key: String, _ value: [UInt8]) -> [UInt8] {
    let body = key.utf8.count + value.count + 3
    var length = body + 1
    while length != body + String(length).utf8.count { length += 1 }
    return Array("\(length) \(key)=".utf8) + value + [UInt8(ascii: "\n")]
  }

  /// The name of an extended header: `DIRECTORY/PaxHeaders.0/FILE`, ASCII only, at most 100 bytes.
  private static func extendedHeaderName(for path: [UInt8]) -> [UInt8] {
    let slash = UInt8(ascii: "/")
    let cut = path.lastIndex(of: slash).map { $0 + 1 } ?? 0
    var name = plainBytes(Array(path[..<cut]) + Array("PaxHeaders.0".utf8))
    if cut < path.count { name += [slash] + plainBytes(Array(path[cut...])) }
    name = Array(name.prefix(100))
    while name.last == slash { name.removeLast() }
    return name
  }

  // MARK: Fields

  /// Octal digits, zero-filled, then NUL; zero where the value does not fit (a PAX record then has it).
  private static func put(octal value: Int64, width: Int, at start: Int, in output: inout [UInt8]) {
    var rest = value >= 0 && value < 1 << Int64(3 * (width - 1)) ? value : 0
    for position in (start..<start + width - 1).reversed() {
      output[position] = UInt8(ascii: "0") + UInt8(rest & 7)
      rest >>= 3
    }
  }

  /// As much of the string as the field holds. A string cut at a slash gets a NUL after its last other byte, so that it
  /// does not look like a directory.
  private static func put(string: ArraySlice<UInt8>, width: Int, at start: Int, in output: inout [UInt8]) {
    let part = string.prefix(width)
    output.replaceSubrange(start..<start + part.count, with: part)
    let slash = UInt8(ascii: "/")
    if string.count > width, part.last == slash {
      let kept = part.lastIndex { $0 != slash }.map { $0 - part.startIndex + 1 } ?? 0
      output[start + kept] = 0
    }
  }

  /// Writes magic and version, then the checksum over the whole block with its own field counted as spaces.
  private static func seal(blockAt start: Int, in output: inout [UInt8]) {
    output.replaceSubrange(start + 257..<start + 265, with: Array("ustar\u{0}00".utf8))
    var sum = 8 * 0x20
    for position in start..<start + blockSize { sum += Int(output[position]) }
    put(octal: Int64(sum), width: 7, at: start + 148, in: &output)
    output[start + 155] = UInt8(ascii: " ")
  }
}
