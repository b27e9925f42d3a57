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
    guard !authority.isEmpty, !authority.contains("@") else { return nil }
    let target = rest[authority.endIndex...].prefix { $0 != "#" }
    self.init(
      scheme: scheme, authority: String(authority), target: target.hasPrefix("/") ? String(target) : "/" + target)
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

  private var host: Substring {
    guard let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else { return authority[...] }
    return authority[..<colon]
  }

  private var authorityWithPort: String {
    host.endIndex == authority.endIndex ? "\(authority):\(scheme == "https" ? 443 : 80)" : authority
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
