internal import OCICore

extension LayerListing {
  /// Reads a BSD mtree file (mtree(5)): ours, and those of bsdtar and of the BSDs' mtree, with `/set`, `/unset`, relative
  /// names and `..`. Keywords that say nothing a listing holds are passed over; a member without `type` is a file.
  /// - Throws: `TarballError.Code.invalidListing`, naming the line.
  public init(parsingMtree bytes: [UInt8]) throws(TarballError) {
    var parser = MtreeParser()
    try parser.parse(bytes)
    self.init(entries: parser.entries)
  }
}

/// Reads mtree lines.
private struct MtreeParser {
  private(set) var entries: [LayerListing.Entry] = []
  private var defaults: [(key: String, value: [UInt8])] = []
  private var directory: [[UInt8]] = []
  private var line = 0

  private static let space = UInt8(ascii: " ")
  private static let backslash = UInt8(ascii: "\\")
  private static let slash = UInt8(ascii: "/")
  /// Deeper trees than any file system has.
  private static let deepest = 1024

  mutating func parse(_ bytes: [UInt8]) throws(TarballError) {
    var pending: [UInt8] = []
    var isContinued = false
    for part in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      line += 1
      var text = part
      if text.last == UInt8(ascii: "\r") { text = text.dropLast() }
      // A backslash at the end goes on; two of them are one that is meant.
      isContinued = text.reversed().prefix { $0 == Self.backslash }.count % 2 == 1
      pending += isContinued ? text.dropLast() : text
      if isContinued { continue }
      try parse(line: pending)
      pending = []
    }
    if isContinued { throw failure("the last line goes on, and nothing follows") }
  }

  private func failure(_ what: String) -> TarballError {
    TarballError(.invalidListing, "mtree line \(line): \(what)")
  }

  private mutating func parse(line: [UInt8]) throws(TarballError) {
    let words = line.split { $0 == Self.space || $0 == UInt8(ascii: "\t") }
    guard let first = words.first, first.first != UInt8(ascii: "#") else { return }
    switch String(decoding: first, as: UTF8.self) {
    case "/set":
      for word in words.dropFirst() {
        let (key, value) = split(word)
        defaults.removeAll { $0.key == key }
        defaults.append((key, value))
      }
    case "/unset":
      for word in words.dropFirst() {
        let key = String(decoding: word, as: UTF8.self)
        defaults.removeAll { key == "all" || $0.key == key }
      }
    case "..":
      guard words.count == 1 else { throw failure("'..' stands alone") }
      // The last one leaves the root itself.
      _ = directory.popLast()
    default: try parse(member: first, Array(words.dropFirst()))
    }
  }

  private mutating func parse(member word: ArraySlice<UInt8>, _ words: [ArraySlice<UInt8>]) throws(TarballError) {
    let name = try unescaped(word)
    // A name with a slash is a whole path; one without is in the directory that was entered last.
    let isWhole = word.contains(Self.slash)
    let parts = name.split(separator: Self.slash).map(Array.init).filter { $0 != [UInt8(ascii: ".")] }
    guard !parts.contains(where: { $0 == Array("..".utf8) }) else { throw failure("a name with '..' in it") }
    guard !name.contains(0) else { throw failure("a name with a NUL in it") }
    let components = isWhole ? parts : directory + parts
    guard components.count <= Self.deepest else {
      throw failure("more than \(Self.deepest) directories in one another")
    }
    var fields = defaults
    fields += words.map { split($0) }
    let path = components.isEmpty ? [UInt8(ascii: ".")] : Array(components.joined(separator: [Self.slash]))
    var entry = LayerListing.Entry(path: path, kind: .file)
    for (key, value) in fields { try set(key, value, of: &entry) }
    // Some tools give one to everything.
    if entry.kind != .symlink, entry.kind != .hardLink { entry.linkTarget = nil }
    entry.extendedAttributes.sort { $0.name.lexicographicallyPrecedes($1.name) }
    // A root of which nothing is said is there for other tools' sake.
    if entry != .root { entries.append(entry) }
    if entry.kind == .directory, !isWhole { directory = components }
  }

  private func split(_ word: ArraySlice<UInt8>) -> (key: String, value: [UInt8]) {
    let parts = word.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
    return (String(decoding: parts[0], as: UTF8.self), parts.count == 2 ? Array(parts[1]) : [])
  }

  // MARK: Keywords

  private func set(_ key: String, _ value: [UInt8], of entry: inout LayerListing.Entry) throws(TarballError) {
    let text = String(decoding: value, as: UTF8.self)
    switch key {
    case "type":
      guard let kind = LayerListing.Entry.Kind(mtreeType: text) else { throw failure("unknown type '\(text)'") }
      // Our own word for it may have come before.
      if entry.kind != .hardLink { entry.kind = kind }
    case "mode":
      guard let mode = UInt32(text, radix: 8), mode < 1 << 12 else { throw failure("mode '\(text)' is not octal") }
      entry.mode = mode
    case "uid": entry.uid = try number(key, text)
    case "gid": entry.gid = try number(key, text)
    case "size": entry.size = try number(key, text)
    case "uname": entry.userName = try unescaped(value[...])
    case "gname": entry.groupName = try unescaped(value[...])
    case "time":
      let seconds = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)[0]
      entry.modificationTime = try number(key, String(seconds))
    case "link": entry.linkTarget = try unescaped(value[...])
    case "hardlink":
      entry.kind = .hardLink
      entry.linkTarget = try unescaped(value[...])
    case "device": entry.device = deviceNumber(text)
    case "sha256", "sha256digest":
      guard let digest = try? Digest("sha256:\(text)") else {
        throw failure("'\(text)' is not the hexadecimal form of a SHA-256")
      }
      entry.digest = digest
    case _ where key.hasPrefix("xattr."):
      guard let bytes = Base64.decode(String(decoding: try unescaped(value[...]), as: UTF8.self)) else {
        throw failure("the value of \(key) is not base64")
      }
      let name = try unescaped(Array(key.utf8).dropFirst("xattr.".utf8.count))
      entry.extendedAttributes.removeAll { $0.name == name }
      if !bytes.isEmpty { entry.extendedAttributes.append(ExtendedAttribute(name: name, value: bytes)) }
    default: break
    }
  }

  private func number(_ key: String, _ text: String) throws(TarballError) -> Int64 {
    guard let number = Int64(text) else { throw failure("\(key) '\(text)' is not a number") }
    return number
  }

  /// `linux,8,1` or `native,8,1`; other forms depend on the system that wrote them.
  private func deviceNumber(_ text: String) -> LayerListing.Entry.DeviceNumber? {
    let parts = text.split(separator: ",")
    guard parts.count == 3, let major = UInt32(parts[1]), let minor = UInt32(parts[2]) else { return nil }
    return .init(major: major, minor: minor)
  }

  // MARK: Escapes

  /// Undoes what vis(3) does: `\ooo`, `\^X`, `\M-X`, `\M^X` and C's letters.
  private func unescaped(_ text: ArraySlice<UInt8>) throws(TarballError) -> [UInt8] {
    guard text.contains(Self.backslash) else { return Array(text) }
    var result: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      guard byte == Self.backslash else {
        result.append(byte)
        continue
      }
      guard let escape = rest.popFirst() else { throw failure("a backslash with nothing after it") }
      result.append(try unescaped(escape, &rest))
    }
    return result
  }

  private func unescaped(_ escape: UInt8, _ rest: inout ArraySlice<UInt8>) throws(TarballError) -> UInt8 {
    switch escape {
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      var value = Int(escape & 7)
      var digits = 1
      while digits < 3, let next = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(next) {
        value = value * 8 + Int(next & 7)
        rest.removeFirst()
        digits += 1
      }
      return UInt8(truncatingIfNeeded: value)
    case UInt8(ascii: "^"):
      guard let next = rest.popFirst() else { throw failure("'\\^' with nothing after it") }
      return next == UInt8(ascii: "?") ? 0x7F : next & 0x1F
    case UInt8(ascii: "M"):
      guard let mark = rest.popFirst(), let next = rest.popFirst() else { throw failure("'\\M' with nothing after it") }
      switch mark {
      case UInt8(ascii: "-"): return next | 0x80
      case UInt8(ascii: "^"): return (next == UInt8(ascii: "?") ? 0x7F : next & 0x1F) | 0x80
      default: throw failure("an escape that vis(3) does not write")
      }
    case UInt8(ascii: "a"): return 0x07
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "n"): return 0x0A
    case UInt8(ascii: "v"): return 0x0B
    case UInt8(ascii: "f"): return 0x0C
    case UInt8(ascii: "r"): return 0x0D
    case UInt8(ascii: "E"): return 0x1B
    case UInt8(ascii: "s"): return 0x20
    default: return escape
    }
  }
}
