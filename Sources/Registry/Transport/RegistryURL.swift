/// The address of a request: only what HTTP needs of a URL, so that a registry's query passes unchanged.
struct RegistryURL: Sendable, Hashable, CustomStringConvertible {
  /// `http` or `https`.
  let scheme: String
  /// The host with its port, in lower case.
  let authority: String
  /// The path and the query, as they go on the wire.
  let target: String

  init(scheme: String, authority: String, target: String) {
    self.scheme = scheme
    self.authority = authority.lowercased()
    self.target = target
  }

  /// Parses an absolute `http` or `https` URL.
  init?(_ text: String) {
    guard let colon = text.firstIndex(of: ":"), text.utf8.allSatisfy({ 0x21...0x7e ~= $0 }) else { return nil }
    let scheme = text[..<colon].lowercased()
    let rest = text[text.index(after: colon)...]
    guard scheme == "http" || scheme == "https", rest.hasPrefix("//") else { return nil }
    let authority = rest.dropFirst(2).prefix { !"/?#".contains($0) }
    guard Self.isAuthority(authority) else { return nil }
    let target = rest[authority.endIndex...].prefix { $0 != "#" }
    self.init(
      scheme: scheme, authority: String(authority), target: target.hasPrefix("/") ? String(target) : "/" + target)
  }

  /// Whether text is a host, by name or by address, with a port or without one; never with a user.
  private static func isAuthority(_ text: Substring) -> Bool {
    var (host, port): (Substring, Substring?) = (text, nil)
    if let close = text.lastIndex(of: "]") {
      host = text[...close]
      port = text[text.index(after: close)...]
      guard host.hasPrefix("["), host.dropFirst().dropLast().allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." })
      else {
        return false
      }
    } else if let colon = text.firstIndex(of: ":") {
      host = text[..<colon]
      port = text[colon...]
    }
    guard host.first != "[" ? host.allSatisfy({ $0.isLetter || $0.isNumber || "-._".contains($0) }) : host.count > 2
    else {
      return false
    }
    guard let port, !port.isEmpty else { return !host.isEmpty }
    return !host.isEmpty && port.first == ":" && UInt16(port.dropFirst()) != nil
  }

  var description: String { "\(scheme)://\(authority)\(target)" }

  /// The target without its query.
  var path: String { String(target.prefix { $0 != "?" }) }

  /// Where a `Location` header points, seen from here. `nil` when it is no address, or would leave TLS.
  ///
  /// A registry behind a TLS proxy may believe that it speaks plain HTTP: on its own host we stay with `https`.
  func resolving(_ location: String) -> RegistryURL? {
    guard let url = absolute(location) else { return nil }
    guard scheme == "https", url.scheme == "http" else { return url }
    guard url.host == host else { return nil }
    return RegistryURL(scheme: "https", authority: authority, target: url.target)
  }

  private func absolute(_ location: String) -> RegistryURL? {
    let beforeQuery = location.prefix { !"/?#".contains($0) }
    if beforeQuery.contains(":") { return RegistryURL(location) }
    if location.hasPrefix("//") { return RegistryURL("\(scheme):\(location)") }
    if location.hasPrefix("/") { return RegistryURL("\(scheme)://\(authority)\(location)") }
    guard !location.isEmpty else { return nil }
    let directory = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
    let base = location.hasPrefix("?") ? path : String(directory)
    return RegistryURL("\(scheme)://\(authority)\(base)\(location)")
  }

  /// The same address with one more parameter; what the query had stays as it was.
  func appendingQuery(_ name: String, _ value: String) -> RegistryURL {
    let separator = !target.contains("?") ? "?" : target.hasSuffix("?") || target.hasSuffix("&") ? "" : "&"
    return RegistryURL(
      scheme: scheme, authority: authority, target: "\(target)\(separator)\(name)=\(Self.percentEncoded(value))")
  }

  /// Whether credentials for one may go to the other.
  func hasSameOrigin(as other: RegistryURL) -> Bool {
    scheme == other.scheme && authorityWithPort == other.authorityWithPort
  }

  /// Scheme and authority alone.
  var origin: RegistryURL { RegistryURL(scheme: scheme, authority: authority, target: "/") }

  /// The same address in the other scheme or at another target.
  func with(scheme: String? = nil, target: String? = nil) -> RegistryURL {
    RegistryURL(scheme: scheme ?? self.scheme, authority: authority, target: target ?? self.target)
  }

  /// The value of a parameter of the query, as it stands there.
  func query(_ name: String) -> Substring? {
    guard let mark = target.firstIndex(of: "?") else { return nil }
    let pairs = target[target.index(after: mark)...].split(separator: "&")
    return pairs.first { $0.hasPrefix("\(name)=") }?.dropFirst(name.count + 1)
  }

  /// Whether the registry at `origin` may send us here. A public one that names an address of this machine or of a private
  /// network wants us to ask what only we can reach.
  func mayBeReached(from origin: RegistryURL) -> Bool {
    host == origin.host || !Self.isPrivate(host) || Self.isPrivate(origin.host) || !origin.host.contains(".")
  }

  /// Whether a host is written as an address of this machine, of the link or of a private network (RFC 1918, RFC 4193).
  private static func isPrivate(_ host: Substring) -> Bool {
    if host == "localhost" || host.hasSuffix(".localhost") { return true }
    if host.hasPrefix("[") {
      let address = host.dropFirst().lowercased()
      if address.hasPrefix("::ffff:") { return isPrivate(address.dropFirst(7).dropLast()) }
      return address == "::1]" || address == "::]"
        || ["fe8", "fe9", "fea", "feb", "fc", "fd"].contains { address.hasPrefix($0) }
    }
    let octets = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    // Also the old spellings of addresses, as 2130706433 or 0x7f.1, which some resolvers take.
    guard octets.count == 4, case let (a?, b?) = (octets[0], octets[1]), octets.allSatisfy({ $0 != nil }) else {
      return host.split(separator: ".").allSatisfy { $0.hasPrefix("0x") || $0.allSatisfy(\.isNumber) }
    }
    return switch (a, b) {
    case (0, _), (10, _), (127, _), (169, 254), (172, 16...31), (192, 168), (100, 64...127): true
    default: false
    }
  }

  var host: Substring {
    guard let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else { return authority[...] }
    return authority[..<colon]
  }

  private var authorityWithPort: String {
    host.endIndex == authority.endIndex ? "\(authority):\(scheme == "https" ? 443 : 80)" : authority
  }

  /// The text that is meant by an escaped one; `nil` where the escapes are wrong or it is no UTF-8.
  static func percentDecoded(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  /// Text as a query's value: everything but the unreserved characters of RFC 3986 is escaped.
  static func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.append(byte)
      default:
        result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
