/// Where an image is in a registry: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]` (distribution-spec, §pulling manifests).
///
/// The host is always explicit; nothing is added or guessed.
public struct ImageReference: Sendable, Hashable, CustomStringConvertible {
  /// The registry's host, with its port if it has one, e.g. `ghcr.io` or `127.0.0.1:5000`.
  public var host: String
  /// The repository, e.g. `team/app`.
  public var repository: String
  /// The tag, if one is named.
  public var tag: String?
  /// The manifest's digest, if one is named.
  public var digest: Digest?

  /// Parses a reference.
  /// - Throws: `OCIError.Code.invalidReference`, saying which part is wrong.
  public init(_ text: String) throws(OCIError) {
    func invalid(_ why: String) -> OCIError {
      OCIError(.invalidReference, "'\(text)' is not an image reference: \(why); expected HOST/REPOSITORY:TAG")
    }
    var rest = Substring(text)
    if let at = rest.firstIndex(of: "@"), !rest[..<at].contains("/") {
      // Not shown: what stands there may be a password.
      throw OCIError(
        .invalidReference, "an image reference holds no user name or password; log in to the registry instead")
    }
    if let at = rest.firstIndex(of: "@") {
      do { digest = try Digest(String(rest[rest.index(after: at)...])) } catch { throw invalid(error.message) }
      rest = rest[..<at]
    }
    guard let slash = rest.firstIndex(of: "/") else { throw invalid("there is no '/' after a registry host") }
    host = String(rest[..<slash])
    rest = rest[rest.index(after: slash)...]
    if let colon = rest.lastIndex(of: ":") {
      let tag = String(rest[rest.index(after: colon)...])
      do { try Self.validate(tag: tag) } catch { throw invalid(error.message) }
      self.tag = tag
      rest = rest[..<colon]
    }
    repository = String(rest)
    guard Self.isHost(host) else {
      throw invalid("'\(host)' is not a host (a name with a dot, localhost, or anything with a :PORT)")
    }
    do { try Self.validate(repository: repository) } catch { throw invalid(error.message) }
  }

  /// The form that `init(_:)` reads.
  public var description: String {
    "\(host)/\(repository)" + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
  }

  /// Whether the host is this machine: `localhost`, `127.0.0.0/8` or `[::1]`.
  public var isLoopback: Bool {
    if host.hasPrefix("[") { return host == "[::1]" || host.hasPrefix("[::1]:") }
    let name = host.split(separator: ":", omittingEmptySubsequences: false)[0]
    if name == "localhost" { return true }
    let octets = name.split(separator: ".", omittingEmptySubsequences: false)
    return octets.count == 4 && octets[0] == "127" && octets.allSatisfy { UInt8($0) != nil }
  }

  /// Checks a tag: at most 128 of letters, digits, `_`, `.` and `-`, the first neither `.` nor `-`.
  /// - Throws: `OCIError.Code.invalidReference`.
  public static func validate(tag: String) throws(OCIError) {
    let bytes = Array(tag.utf8)
    let isValid =
      (1...128).contains(bytes.count)
      && bytes.allSatisfy {
        isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
      }
      && bytes[0] != UInt8(ascii: ".") && bytes[0] != UInt8(ascii: "-")
    guard isValid else {
      throw OCIError(
        .invalidReference,
        "'\(tag)' is not a tag (1 to 128 letters, digits, '_', '.' or '-', and it may not begin with '.' or '-')")
    }
  }

  /// Checks a repository name: lower-case components joined by `/`, each of letters and digits with `.`, `_`, `__` or
  /// dashes between them.
  /// - Throws: `OCIError.Code.invalidReference`.
  public static func validate(repository: String) throws(OCIError) {
    guard repository.utf8.count <= 255 else {
      throw OCIError(.invalidReference, "repository '\(repository)' is longer than 255 characters")
    }
    let components = repository.split(separator: "/", omittingEmptySubsequences: false)
    for component in components where !isComponent(Array(component.utf8)) {
      throw OCIError(
        .invalidReference,
        "'\(component)' in '\(repository)' is not a repository name (lower-case letters and digits, separated by '.', '_', '__' or '-')"
      )
    }
  }

  private static func isComponent(_ bytes: [UInt8]) -> Bool {
    func isWord(_ byte: UInt8) -> Bool {
      isAlphanumeric(byte) && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
    guard let first = bytes.first, let last = bytes.last, isWord(first), isWord(last) else { return false }
    var separator: [UInt8] = []
    for byte in bytes {
      if isWord(byte) {
        let isDashes = separator.allSatisfy { $0 == UInt8(ascii: "-") }
        let isAllowed =
          isDashes || separator == [UInt8(ascii: ".")] || separator == [UInt8(ascii: "_")]
          || separator == [UInt8(ascii: "_"), UInt8(ascii: "_")]
        guard isAllowed else { return false }
        separator = []
      } else {
        separator.append(byte)
      }
    }
    return true
  }

  private static func isHost(_ host: String) -> Bool {
    var name = Substring(host)
    var hasPort = false
    if let close = name.lastIndex(of: "]"), name.hasPrefix("[") {
      let port = name[name.index(after: close)...]
      let address = name[name.index(after: name.startIndex)..<close]
      let isAddress = !address.isEmpty && address.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
      return isAddress && (port.isEmpty || (port.first == ":" && UInt16(port.dropFirst()) != nil))
    }
    if let colon = name.firstIndex(of: ":") {
      guard let port = UInt16(name[name.index(after: colon)...]), port > 0 else { return false }
      hasPort = true
      name = name[..<colon]
    }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    let isName = labels.allSatisfy { label in
      !label.isEmpty && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        && label.first != "-" && label.last != "-"
    }
    return isName && (hasPort || labels.count > 1 || name == "localhost")
  }

  static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
