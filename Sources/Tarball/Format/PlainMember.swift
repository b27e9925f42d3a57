/// The framing of plain files in a tar of our own, for containers such as OCI archives.
package enum PlainMember {
  /// The header of a file: readable by all, owned by root, as old as layers are.
  package static func header(_ name: String, size: Int64) throws(TarballError) -> [UInt8] {
    let entry = TarEntry(path: Array(name.utf8), kind: .file(size: size), mode: 0o644)
    var bytes: [UInt8] = []
    try TarHeader.append(entry, to: &bytes)
    return bytes
  }

  /// Whether a block is a header whose checksum is right.
  package static func isHeader(_ block: [UInt8]) -> Bool { TarHeader.isSealed(block) }

  /// How many zero bytes follow the content.
  package static func padding(after size: Int64) -> Int { TarHeader.padding(after: size) }

  /// The end of the archive.
  package static let end = [UInt8](repeating: 0, count: 1024)
}
