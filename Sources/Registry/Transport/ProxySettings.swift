/// Which HTTP proxies to go through, by the usual environment variables.
public struct ProxySettings: Sendable, Hashable {
  /// A proxy's address.
  public struct Proxy: Sendable, Hashable {
    /// The host.
    public var host: String
    /// The port.
    public var port: Int
    /// Who we are there.
    public var credentials: Credentials?

    /// Creates an address.
    public init(host: String, port: Int, credentials: Credentials? = nil) {
      self.host = host
      self.port = port
      self.credentials = credentials
    }

    /// Parses `[http://][user:password@]host[:port]`; `nil` for anything else.
    public init?(_ text: String) {
      var rest = Substring(text)
      if let end = rest.firstRange(of: "://") {
        guard rest[..<end.lowerBound].lowercased() == "http" else { return nil }
        rest = rest[end.upperBound...]
      }
      rest = rest.prefix { $0 != "/" }
      var credentials: Credentials?
      if let at = rest.lastIndex(of: "@") {
        let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
          .map { RegistryURL.percentDecoded($0) ?? String($0) }
        credentials = Credentials(user: parts[0], password: parts.count > 1 ? parts[1] : "")
        rest = rest[rest.index(after: at)...]
      }
      var port = 3128
      if let colon = rest.lastIndex(of: ":"), !rest.hasSuffix("]") {
        guard let number = UInt16(rest[rest.index(after: colon)...]), number > 0 else { return nil }
        port = Int(number)
        rest = rest[..<colon]
      } else if text.lowercased().hasPrefix("http://") {
        port = 80
      }
      if rest.hasPrefix("["), rest.hasSuffix("]") { rest = rest.dropFirst().dropLast() }
      guard !rest.isEmpty else { return nil }
      self.init(host: String(rest), port: port, credentials: credentials)
    }
  }

  /// The proxy for `https`.
  public var https: Proxy?
  /// The proxy for `http`.
  public var http: Proxy?
  /// Hosts that are reached directly: names with all below them, addresses, blocks of IPv4 addresses (`10.0.0.0/8`), each
  /// with a port if you like, or `*` for all.
  public var exceptions: [String] = []

  /// No proxy.
  public static let none = ProxySettings()

  /// No proxy.
  public init() {}

  /// Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in either case.
  public init(variable: (_ name: String) -> String?) {
    func value(_ name: String) -> String? {
      [variable(name), variable(name.lowercased())].lazy.compactMap { $0 }.first { !$0.isEmpty }
    }
    https = value("HTTPS_PROXY").flatMap { Proxy($0) }
    http = value("HTTP_PROXY").flatMap { Proxy($0) }
    exceptions = (value("NO_PROXY") ?? "").split(whereSeparator: { $0 == "," || $0 == " " }).map { $0.lowercased() }
  }

  /// The proxy for an address. This machine is always reached directly.
  func proxy(for url: RegistryURL) -> Proxy? {
    guard let proxy = url.scheme == "https" ? https : http else { return nil }
    let host = url.host.hasPrefix("[") ? url.host.dropFirst().dropLast() : url.host
    if host == "localhost" || host.hasPrefix("127.") || host == "::1" { return nil }
    return exceptions.contains { Self.matches($0, host, url.authority) } ? nil : proxy
  }

  private static func matches(_ exception: String, _ host: Substring, _ authority: String) -> Bool {
    if exception == "*" || exception == authority { return true }
    if let slash = exception.firstIndex(of: "/") {
      guard let bits = Int(exception[exception.index(after: slash)...]), (0...32).contains(bits),
        let block = address(exception[..<slash]), let address = address(host)
      else { return false }
      return bits == 0 || block >> (32 - bits) == address >> (32 - bits)
    }
    let name = exception.drop { $0 == "*" }.drop { $0 == "." }
    return !name.isEmpty && (host == name || host.hasSuffix(".\(name)"))
  }

  private static func address(_ text: some StringProtocol) -> UInt32? {
    let octets = text.split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) }
    guard octets.count == 4 else { return nil }
    return octets.reduce(0) { $0 << 8 | UInt32($1) }
  }
}
