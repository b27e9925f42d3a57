/// What stays of a store path when its hash and version change.
///
/// `/nix/store/HASH-gcc-13.2.0-lib` is `gcc-lib`: the hash and every part with a digit in front or inside that follows
/// the first part starting with one are left out. It is how a path is recognised from one version of an image to the
/// next; it never decides about correctness.
struct StorePathName: Sendable, Hashable {
  /// The name with its output, without hash and version.
  let text: String
  /// The parts before the version alone: what was built together.
  let origin: String

  init(_ path: String) {
    let (_, name) = Self.parts(path)
    var kept: [Substring] = []
    var beforeVersion = 0
    var isPastVersion = false
    for part in name.split(separator: "-") {
      if !kept.isEmpty, part.utf8.first.map(Self.isDigit) == true { isPastVersion = true }
      if isPastVersion, part.utf8.contains(where: Self.isDigit) { continue }
      kept.append(part)
      if !isPastVersion { beforeVersion += 1 }
    }
    text = kept.joined(separator: "-")
    origin = kept.prefix(beforeVersion).joined(separator: "-")
  }

  /// The last component with the hash moved to its end: an order that a rebuild does not change.
  static func hashLast(_ path: String) -> String {
    let (hash, name) = parts(path)
    return hash.isEmpty ? String(name) : "\(name)-\(hash)"
  }

  /// The last component, cut behind a hash of 32 digits and small letters, as Nix and Guix write it.
  private static func parts(_ path: String) -> (hash: Substring, name: Substring) {
    let base = path[
      (path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path.utf8.index(after: $0) } ?? path.startIndex)...]
    let bytes = base.utf8
    guard bytes.count > 33 else { return ("", base) }
    let end = bytes.index(bytes.startIndex, offsetBy: 32)
    guard bytes[end] == UInt8(ascii: "-"),
      bytes[..<end].allSatisfy({ isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) })
    else { return ("", base) }
    return (base[..<end], base[bytes.index(after: end)...])
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
