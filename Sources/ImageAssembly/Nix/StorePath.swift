internal import SystemPackage

/// A store path: `HASH-NAME` in the directory of a store.
struct StorePath: Sendable, Hashable {
  /// The directory, e.g. `/nix/store`.
  let directory: FilePath
  /// Hash and name.
  let text: String

  /// The store path that an absolute path is, or is in; `nil` where there is none.
  init?(in path: FilePath) {
    guard path.isAbsolute, path.isLexicallyNormal else { return nil }
    let components = Array(path.components)
    guard let index = components.firstIndex(where: { Self.isValid($0.string) }) else { return nil }
    directory = FilePath(root: "/", components[..<index])
    text = components[index].string
  }

  /// The whole path.
  var path: FilePath { directory.appending(text) }

  /// The part by which a binary cache names it.
  var hash: String { String(text.prefix(32)) }

  /// Whether text is 32 digits of a hash, a dash and a name of the characters that Nix takes.
  static func isValid(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard (34...244).contains(bytes.count), bytes[32] == UInt8(ascii: "-") else { return false }
    return bytes[..<32].allSatisfy(NarHashes.base32Digits.contains)
      && bytes[33...].allSatisfy { byte in
        let letter = byte | 0x20
        return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "+-._?=".utf8.contains(byte)
      }
  }
}
