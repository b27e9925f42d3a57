internal import OCICore

extension LayerListing {
  /// The listing as a BSD mtree file (mtree(5)): a line a member, each with its whole path, in the listing's order.
  ///
  /// Before all others comes the root, as some tools insist; it says nothing where the listing has none. Two keywords are ours, because mtree has none: `hardlink=PATH` and `xattr.NAME=BASE64`.
  /// - Parameter extensions: Whether to write those; without them, tools that refuse unknown words read the file, and a hard
  ///   link is a file without size and digest.
  public func mtree(extensions: Bool = true) -> [UInt8] {
    var writer = MtreeWriter(extensions: extensions)
    if entries.first?.path != LayerListing.Entry.root.path { writer.append(.root) }
    for entry in entries { writer.append(entry) }
    return writer.output
  }
}

/// Writes mtree lines.
private struct MtreeWriter {
  let extensions: Bool
  var output = Array("#mtree\n".utf8)

  init(extensions: Bool) { self.extensions = extensions }

  mutating func append(_ entry: LayerListing.Entry) {
    if entry.path != [UInt8(ascii: ".")] { output += Array("./".utf8) }
    append(escaped: entry.path)
    word("type", entry.kind.mtreeType)
    if let mode = entry.mode {
      let digits = String(mode, radix: 8)
      word("mode", String(repeating: "0", count: max(0, 4 - digits.count)) + digits)
    }
    if let uid = entry.uid { word("uid", String(uid)) }
    if let gid = entry.gid { word("gid", String(gid)) }
    if !entry.userName.isEmpty { word("uname", entry.userName) }
    if !entry.groupName.isEmpty { word("gname", entry.groupName) }
    if let time = entry.modificationTime { word("time", "\(time).000000000") }
    if let size = entry.size { word("size", String(size)) }
    if let device = entry.device { word("device", "linux,\(device.major),\(device.minor)") }
    if entry.kind == .symlink, let target = entry.linkTarget { word("link", target) }
    if let digest = entry.digest { word("sha256digest", digest.hex) }
    if extensions {
      if entry.kind == .hardLink, let target = entry.linkTarget { word("hardlink", target) }
      for attribute in entry.extendedAttributes {
        output += Array(" xattr.".utf8)
        append(escaped: attribute.name)
        output.append(UInt8(ascii: "="))
        append(escaped: Array(Base64.encode(attribute.value).utf8))
      }
    }
    output.append(UInt8(ascii: "\n"))
  }

  private mutating func word(_ key: String, _ value: String) { output += Array(" \(key)=\(value)".utf8) }

  private mutating func word(_ key: String, _ value: [UInt8]) {
    output += Array(" \(key)=".utf8)
    append(escaped: value)
  }

  /// Everything that a reader might take for something else becomes a backslash and three octal digits.
  private mutating func append(escaped bytes: [UInt8]) {
    for byte in bytes {
      if Self.isPlain(byte) {
        output.append(byte)
      } else {
        output.append(UInt8(ascii: "\\"))
        for shift: UInt8 in [6, 3, 0] { output.append(UInt8(ascii: "0") + (byte >> shift) & 7) }
      }
    }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "+"),
      UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "%"), UInt8(ascii: "~"):
      true
    default: false
    }
  }
}

extension LayerListing.Entry {
  /// The root of which nothing is said.
  static let root = LayerListing.Entry(path: [UInt8(ascii: ".")], kind: .directory)
}

extension LayerListing.Entry.Kind {
  fileprivate var mtreeType: String {
    switch self {
    case .file, .hardLink: "file"
    case .directory: "dir"
    case .symlink: "link"
    case .characterDevice: "char"
    case .blockDevice: "block"
    case .fifo: "fifo"
    }
  }

  init?(mtreeType: some StringProtocol) {
    switch mtreeType {
    case "file": self = .file
    case "dir": self = .directory
    case "link": self = .symlink
    case "char": self = .characterDevice
    case "block": self = .blockDevice
    case "fifo": self = .fifo
    default: return nil
    }
  }
}
