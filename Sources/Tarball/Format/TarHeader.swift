/// The header grammar of layers, to the byte: ustar where it can hold the values, PAX records where it cannot.
///
/// It is the grammar of the tools that write most images, so that equal trees give equal diffIDs; `docs/layer-format.md`
/// specifies it. Its name is part of every cache key: a change of one byte is a new grammar.
enum TarHeader {
  /// The name of this grammar and its version.
  static let grammar = "ustar-pax-1"
  static let blockSize = 512

  private static let slash = UInt8(ascii: "/")

  /// Appends the header of an entry: one block, or three and more where PAX records are needed.
  /// - Throws: `TarballError.Code.unrepresentable` where the grammar has no place for a value.
  static func append(_ entry: TarEntry, to output: inout [UInt8]) throws(TarballError) {
    try requireRepresentable(entry)
    let isNamePlain = isPlain(entry.path)
    let cut = isNamePlain && entry.path.count > 100 ? ustarCut(entry.path) : nil
    let isNameHeld = isNamePlain && (entry.path.count <= 100 || cut != nil)
    if isNameHeld && isRestHeld(entry) {
      return appendMainBlock(of: entry, cut: cut, to: &output)
    }
    let records = paxRecords(of: entry, isNamePlain: isNamePlain)
    try appendExtendedBlocks(records, of: entry, to: &output)
    appendMainBlock(of: stripped(entry), cut: nil, to: &output)
  }

  /// How many zero bytes follow `count` bytes of content.
  static func padding(after count: Int64) -> Int {
    Int((Int64(blockSize) - count % Int64(blockSize)) % Int64(blockSize))
  }

  /// Whether a block's checksum is right.
  static func isSealed(_ block: [UInt8]) -> Bool {
    guard block.count == blockSize, block.contains(where: { $0 != 0 }) else { return false }
    var sum = 8 * 0x20
    for (index, byte) in block.enumerated() where !(148..<156).contains(index) { sum += Int(byte) }
    let digits = block[148..<156].drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
    return Int(String(decoding: digits, as: UTF8.self), radix: 8) == sum
  }

  // MARK: Which form

  private static let longestPaxData = 1 << 20

  private static func requireRepresentable(_ entry: TarEntry) throws(TarballError) {
    func refuse(_ what: String) -> TarballError {
      TarballError(.unrepresentable, "'\(String(decoding: entry.path, as: UTF8.self))' \(what), which tar cannot hold")
    }
    let (major, minor) = entry.deviceNumbers
    if max(major, minor) >= 1 << 21 { throw refuse("has the device number \(major):\(minor)") }
    if entry.mode >= 1 << 12 { throw refuse("has the mode \(String(entry.mode, radix: 8))") }
    for attribute in entry.extendedAttributes
    where attribute.name.isEmpty || attribute.name.contains(where: { $0 == UInt8(ascii: "=") || $0 == 0 }) {
      throw refuse("has the extended attribute '\(String(decoding: attribute.name, as: UTF8.self))'")
    }
    for record in entry.paxRecords {
      let key = String(decoding: record.name, as: UTF8.self)
      guard !record.name.isEmpty, !key.contains("="), !record.name.contains(0), !ownRecords.contains(key),
        !key.hasPrefix("GNU.sparse.")
      else { throw refuse("has the PAX record '\(key)', which is no record of its own") }
    }
  }

  /// What extended attributes begin with among the records.
  static let attributePrefix = Array("SCHILY.xattr.".utf8)

  /// The records that say what the header says.
  private static let ownRecords: Set<String> = [
    "gid", "gname", "linkpath", "mtime", "path", "size", "uid", "uname", "hdrcharset",
  ]

  /// Whether ustar holds everything but, perhaps, the name.
  private static func isRestHeld(_ entry: TarEntry) -> Bool {
    let link = entry.linkTarget
    return entry.extendedAttributes.isEmpty && entry.paxRecords.isEmpty && fits(entry.uid, digits: 7)
      && fits(entry.gid, digits: 7)
      && fits(entry.size, digits: 11) && fits(entry.modificationTime, digits: 11) && link.count <= 100 && isPlain(link)
      && isHeld(name: entry.userName) && isHeld(name: entry.groupName)
  }

  private static func isHeld(name: [UInt8]) -> Bool { name.count <= 32 && isPlain(name) }

  private static func fits(_ value: Int64, digits: Int) -> Bool { value >= 0 && value < 1 << Int64(3 * digits) }

  /// The PAX records of an entry that needs any, sorted by key. A name over 100 bytes is then a record even where it could
  /// be split.
  private static func paxRecords(of entry: TarEntry, isNamePlain: Bool) -> [(key: [UInt8], value: [UInt8])] {
    // Upper case comes first, and the attributes are sorted.
    var records = entry.extendedAttributes.map { (key: attributePrefix + $0.name, value: $0.value) }
    func number(_ key: String, _ value: Int64, digits: Int) {
      if !fits(value, digits: digits) { records.append((Array(key.utf8), Array(String(value).utf8))) }
    }
    func string(_ key: String, _ value: [UInt8], isHeld: Bool) {
      if !isHeld { records.append((Array(key.utf8), value)) }
    }
    number("gid", entry.gid, digits: 7)
    string("gname", entry.groupName, isHeld: isHeld(name: entry.groupName))
    string("linkpath", entry.linkTarget, isHeld: entry.linkTarget.count <= 100 && isPlain(entry.linkTarget))
    number("mtime", entry.modificationTime, digits: 11)
    string("path", entry.path, isHeld: isNamePlain && entry.path.count <= 100)
    number("size", entry.size, digits: 11)
    number("uid", entry.uid, digits: 7)
    string("uname", entry.userName, isHeld: isHeld(name: entry.userName))
    guard !entry.paxRecords.isEmpty else { return records }
    records += entry.paxRecords.map { (key: $0.name, value: $0.value) }
    return records.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  /// Whether every byte is ASCII and none is NUL.
  private static func isPlain(_ bytes: [UInt8]) -> Bool {
    let span = bytes.span
    // All of them at once, without leaving early: names are short.
    var (bits, zeros): (UInt8, UInt8) = (0, 0)
    for index in span.indices {
      bits |= span[index]
      zeros |= span[index] == 0 ? 1 : 0
    }
    return bits < 0x80 && zeros == 0
  }

  private static func plainBytes(_ bytes: [UInt8]) -> [UInt8] { bytes.filter { $0 != 0 && $0 < 0x80 } }

  /// The entry as the main header beside PAX records has it: without bytes that are not plain.
  private static func stripped(_ entry: TarEntry) -> TarEntry {
    var entry = entry
    entry.path = plainBytes(entry.path)
    entry.userName = plainBytes(entry.userName)
    entry.groupName = plainBytes(entry.groupName)
    switch entry.kind {
    case .symlink(let target): entry.kind = .symlink(target: plainBytes(target))
    case .hardLink(let target): entry.kind = .hardLink(target: plainBytes(target))
    default: break
    }
    return entry
  }

  /// Where a long name is split: at a slash with at most 155 bytes before it (the prefix) and 1 to 100 after it (the name);
  /// `nil` for names that no slash splits.
  private static func ustarCut(_ path: [UInt8]) -> Int? {
    let window = path.count > 156 ? 156 : path.last == slash ? path.count - 1 : path.count
    guard let cut = path[..<window].lastIndex(of: slash), (1...155).contains(cut) else { return nil }
    return (1...100).contains(path.count - cut - 1) ? cut : nil
  }

  // MARK: Blocks

  /// A block to begin with, its numbers all zero, and what it sums up to with its checksum counted as eight spaces.
  private static func blank(numbers: [(start: Int, width: Int)]) -> (block: [UInt8], sum: UInt32) {
    var block = [UInt8](repeating: 0, count: blockSize)
    block.replaceSubrange(257..<265, with: Array("ustar\u{0}00".utf8))
    for (start, width) in numbers {
      block.replaceSubrange(start..<start + width - 1, with: repeatElement(UInt8(ascii: "0"), count: width - 1))
    }
    return (block, block.reduce(8 * 0x20) { $0 + UInt32($1) })
  }

  private static let numbers = [(start: 100, width: 8), (108, 8), (116, 8), (124, 12), (136, 12)]
  private static let blankMain = blank(numbers: numbers + [(329, 8), (337, 8)])
  private static let blankExtended = blank(numbers: numbers)

  private static func appendMainBlock(of entry: TarEntry, cut: Int?, to output: inout [UInt8]) {
    let start = output.count
    let (blank, blankSum) = blankMain
    output.append(contentsOf: blank)
    var block = output.mutableSpan
    let nameStart = cut.map { $0 + 1 } ?? 0
    var sum = blankSum
    sum &+= put(string: entry.path.span.extracting(nameStart..<entry.path.count), width: 100, at: start + 0, in: &block)
    sum &+= put(octal: Int64(entry.mode), width: 8, at: start + 100, in: &block)
    sum &+= put(octal: entry.uid, width: 8, at: start + 108, in: &block)
    sum &+= put(octal: entry.gid, width: 8, at: start + 116, in: &block)
    sum &+= put(octal: entry.size, width: 12, at: start + 124, in: &block)
    sum &+= put(octal: entry.modificationTime, width: 12, at: start + 136, in: &block)
    block[start + 156] = entry.typeFlag
    sum &+= UInt32(entry.typeFlag)
    let link = entry.linkTarget
    sum &+= put(string: link.span, width: 100, at: start + 157, in: &block)
    sum &+= put(string: entry.userName.span, width: 32, at: start + 265, in: &block)
    sum &+= put(string: entry.groupName.span, width: 32, at: start + 297, in: &block)
    let (major, minor) = entry.deviceNumbers
    sum &+= put(octal: Int64(major), width: 8, at: start + 329, in: &block)
    sum &+= put(octal: Int64(minor), width: 8, at: start + 337, in: &block)
    if let cut { sum &+= put(string: entry.path.span.extracting(0..<cut), width: 155, at: start + 345, in: &block) }
    seal(&block, at: start, sum)
  }

  private static func appendExtendedBlocks(
    _ records: [(key: [UInt8], value: [UInt8])], of entry: TarEntry, to output: inout [UInt8]
  ) throws(TarballError) {
    var data: [UInt8] = []
    for (key, value) in records { appendPaxRecord(key, value, to: &data) }
    guard data.count <= longestPaxData else {
      throw TarballError(
        .unrepresentable,
        "'\(String(decoding: entry.path, as: UTF8.self))' has \(data.count) bytes of extended attributes; readers take 1 MiB"
      )
    }
    let start = output.count
    let (blank, blankSum) = blankExtended
    output.append(contentsOf: blank)
    var block = output.mutableSpan
    let name = extendedHeaderName(for: entry.path)
    var sum = blankSum
    sum &+= put(string: name.span, width: 100, at: start + 0, in: &block)
    sum &+= put(octal: Int64(data.count), width: 12, at: start + 124, in: &block)
    block[start + 156] = extendedFlag
    sum &+= UInt32(extendedFlag)
    seal(&block, at: start, sum)
    output.append(contentsOf: data)
    output.append(contentsOf: repeatElement(0, count: padding(after: Int64(data.count))))
  }

  /// `LENGTH KEY=VALUE\n`, where LENGTH counts the whole record, its own digits included.
  static func appendPaxRecord(_ key: [UInt8], _ value: [UInt8], to output: inout [UInt8]) {
    let body = key.count + value.count + 3
    var length = body + 1
    while length != body + String(length).utf8.count { length += 1 }
    output.append(contentsOf: String(length).utf8)
    output.append(UInt8(ascii: " "))
    output.append(contentsOf: key)
    output.append(UInt8(ascii: "="))
    output.append(contentsOf: value)
    output.append(UInt8(ascii: "\n"))
  }

  /// The name of an extended header: `DIRECTORY/PaxHeaders.0/FILE`, ASCII only, at most 100 bytes.
  private static func extendedHeaderName(for path: [UInt8]) -> [UInt8] {
    let cut = path.lastIndex(of: slash).map { $0 + 1 } ?? 0
    var name = plainBytes(Array(path[..<cut]) + Array("PaxHeaders.0".utf8))
    if cut < path.count { name += [slash] + plainBytes(Array(path[cut...])) }
    name = Array(name.prefix(100))
    while name.last == slash { name.removeLast() }
    return name
  }

  // MARK: Fields

  private static let extendedFlag = UInt8(ascii: "x")

  /// Octal digits, zero-filled, then NUL, over a field of zeros; left alone where the value does not fit (a PAX record then
  /// has it). Gives how much that adds to the sum.
  private static func put(octal value: Int64, width: Int, at start: Int, in block: inout MutableSpan<UInt8>) -> UInt32 {
    guard fits(value, digits: width - 1) else { return 0 }
    var sum: UInt32 = 0
    var rest = value
    var position = start + width - 2
    while rest > 0 {
      let digit = UInt8(truncatingIfNeeded: rest & 7)
      block[position] = UInt8(ascii: "0") | digit
      sum &+= UInt32(digit)
      rest >>= 3
      position -= 1
    }
    return sum
  }

  /// As much of the string as the field holds. A string cut at a slash gets a NUL after its last other byte, so that it
  /// does not look like a directory. Gives the sum of the bytes.
  private static func put(
    string: Span<UInt8>, width: Int, at start: Int, in block: inout MutableSpan<UInt8>
  ) -> UInt32 {
    let count = min(string.count, width)
    var sum: UInt32 = 0
    for index in 0..<count {
      block[start + index] = string[index]
      sum &+= UInt32(string[index])
    }
    guard string.count > width, string[width - 1] == slash else { return sum }
    var kept = width
    while kept > 0, string[kept - 1] == slash { kept -= 1 }
    block[start + kept] = 0
    return sum &- UInt32(slash)
  }

  /// Writes the checksum: the sum of the block's bytes, with its own field counted as spaces.
  private static func seal(_ block: inout MutableSpan<UInt8>, at start: Int, _ sum: UInt32) {
    for position in start + 148..<start + 154 { block[position] = UInt8(ascii: "0") }
    _ = put(octal: Int64(sum), width: 7, at: start + 148, in: &block)
    block[start + 155] = UInt8(ascii: " ")
  }
}
