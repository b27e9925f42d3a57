internal import LayerGraph
public import OCICore
public import SystemPackage

/// The hashes of store paths as Nix registered them: of their NAR archives, which is what binary caches sign.
public struct NarHashes: Sendable, Hashable {
  /// The hash by store path, as Nix writes it: `sha256:` and hexadecimal or base-32 digits, or `sha256-` and base64.
  public var hashes: [String: String]

  /// Creates a table.
  public init(_ hashes: [String: String] = [:]) { self.hashes = hashes }

  /// Reads them from any of the JSON documents that `StoreGraph` reads; paths without a hash are left out.
  /// - Throws: `OCIError.Code.invalidJSON`.
  public init(nixJSON bytes: [UInt8]) throws(OCIError) {
    var hashes: [String: String] = [:]
    func visit(_ json: JSON, name: String?) {
      if let list = json.arrayValue { for item in list { visit(item, name: nil) } }
      guard let object = json.objectValue else { return }
      if let path = object["path"]?.stringValue ?? name, path.hasPrefix("/"), let hash = object["narHash"]?.stringValue
      {
        hashes[path] = hash
        return
      }
      for member in object.members where member.value.objectValue != nil || member.value.arrayValue != nil {
        visit(member.value, name: member.name)
      }
    }
    visit(try JSON(parsing: bytes, valueLimit: .max), name: nil)
    self.init(hashes)
  }

  /// Reads them from a file; see `init(nixJSON:)`.
  /// - Throws: `AssemblyError`: `fileUnreadable`, `invalidClosure`.
  public init(nixJSONFile path: FilePath) throws(AssemblyError) {
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path) } catch {
      throw AssemblyError(.fileUnreadable, "closure: \(error.message)")
    }
    do { try self.init(nixJSON: bytes) } catch {
      throw AssemblyError(.invalidClosure, "closure '\(path)': \(error.message)")
    }
  }

  /// The SHA-256 of a path's NAR in hexadecimal digits, where that is what Nix registered.
  func sha256(of path: String) -> String? { hashes[path].flatMap(Self.hexadecimal) }

  /// Nix's base 32: digits from the last to the first, each with five bits from the lowest on.
  static let base32Digits = Array("0123456789abcdfghijklmnpqrsvwxyz".utf8)

  /// The digest in Nix's base 32, as signatures have it.
  static func base32(_ digest: Digest) -> String {
    let digits = Array(digest.hex.utf8)
    let bytes = stride(from: 0, to: digits.count, by: 2).map { start in
      UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16) ?? 0
    }
    let places = (0..<(bytes.count * 8 + 4) / 5).reversed()
    return String(
      decoding: places.map { place in
        let (byte, shift) = (place * 5 / 8, place * 5 % 8)
        let next = byte + 1 < bytes.count ? UInt16(bytes[byte + 1]) : 0
        return base32Digits[Int((UInt16(bytes[byte]) | next << 8) >> UInt16(shift) & 31)]
      }, as: UTF8.self)
  }

  /// From any of Nix's three ways to write it.
  static func hexadecimal(_ hash: String) -> String? {
    guard hash.hasPrefix("sha256") else { return nil }
    let text = hash.dropFirst(7)
    func hex(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
    switch text.utf8.count {
    case 64: return text.allSatisfy(\.isHexDigit) ? text.lowercased() : nil
    case 44: return Base64.decode(String(text)).flatMap { $0.count == 32 ? hex($0) : nil }
    case 52:
      var bytes = [UInt8](repeating: 0, count: 32)
      for (place, digit) in text.utf8.reversed().enumerated() {
        guard let value = base32Digits.firstIndex(of: digit) else { return nil }
        let (byte, shift) = (place * 5 / 8, place * 5 % 8)
        bytes[byte] |= UInt8(truncatingIfNeeded: value << shift)
        if shift > 3 {
          let carried = UInt8(truncatingIfNeeded: value >> (8 - shift))
          if byte + 1 < 32 { bytes[byte + 1] |= carried } else if carried != 0 { return nil }
        }
      }
      return hex(bytes)
    default: return nil
    }
  }
}

extension NixStore {
  /// The hashes of store paths as they are registered.
  /// - Throws: As `closure(of:)`.
  public func narHashes(of paths: [String]) async throws -> NarHashes {
    var result: [String: String] = [:]
    for start in stride(from: 0, to: paths.count, by: 500) {
      let part = Array(paths[start..<min(start + 500, paths.count)])
      var lines = try await ask(["--dump-db"] + part).split(separator: "\n", omittingEmptySubsequences: false)[...]
      while let path = lines.popFirst(), !path.isEmpty {
        guard let hash = lines.popFirst(), lines.popFirst() != nil, lines.popFirst() != nil,
          let count = lines.popFirst().flatMap({ Int($0) }), (0...lines.count).contains(count)
        else {
          throw AssemblyError(.nixUnavailable, "the registration of '\(path)' that nix-store printed is not understood")
        }
        result[String(path)] = hash.contains(":") ? String(hash) : "sha256:\(hash)"
        lines = lines.dropFirst(count)
      }
    }
    return NarHashes(result)
  }
}
