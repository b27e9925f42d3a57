internal import OCICore

/// What a request's path means. Names, tags and digests are valid values from here on, so that no path of a client ever
/// becomes a path of the file system.
enum ServerRoute: Sendable {
  case base
  case token
  case catalog
  case tags(repository: String)
  case manifest(repository: String, Reference)
  case blob(repository: String, Digest)
  case referrers(repository: String, Digest)
  case uploads(repository: String)
  case upload(repository: String, id: String)

  enum Reference: Sendable {
    case tag(String)
    case digest(Digest)
  }

  init(path: String) throws {
    let unknown = Refusal(404, "UNSUPPORTED", "there is nothing at this path")
    guard let decoded = RegistryURL.percentDecoded(path) else {
      throw Refusal(400, "NAME_INVALID", "the path is not UTF-8")
    }
    var parts = decoded.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
    if parts == ["token"] {
      self = .token
      return
    }
    guard parts.first == "v2" else { throw unknown }
    parts.removeFirst()
    switch parts {
    case [], [""]: self = .base
    case ["_catalog"]: self = .catalog
    default: self = try Self.inRepository(parts) ?? { throw unknown }()
    }
  }

  private static func inRepository(_ parts: [String]) throws -> ServerRoute? {
    func name(_ count: Int) throws -> String {
      let name = parts.dropLast(count).joined(separator: "/")
      try ImageReference.validate(repository: name)
      return name
    }
    guard parts.count >= 3, let last = parts.last else { return nil }
    let kind = parts[parts.count - 2]
    if kind == "uploads", parts.count >= 4, parts[parts.count - 3] == "blobs" {
      return last.isEmpty ? .uploads(repository: try name(3)) : .upload(repository: try name(3), id: last)
    }
    switch (kind, last) {
    case ("tags", "list"): return .tags(repository: try name(2))
    case ("blobs", "uploads"): return .uploads(repository: try name(2))
    case ("referrers", _): return .referrers(repository: try name(2), try Digest(last))
    case ("blobs", _): return .blob(repository: try name(2), try Digest(last))
    case ("manifests", _):
      if last.contains(":") { return .manifest(repository: try name(2), .digest(try Digest(last))) }
      try ImageReference.validate(tag: last)
      return .manifest(repository: try name(2), .tag(last))
    default: return nil
    }
  }

  /// The parameters of a query, the last of each name; a parameter that cannot be decoded is left out.
  static func query(_ text: Substring) -> [String: String] {
    Dictionary(parameters(text), uniquingKeysWith: { $1 })
  }

  /// All the parameters of a query, in order.
  static func parameters(_ text: some StringProtocol) -> [(String, String)] {
    var result: [(String, String)] = []
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = RegistryURL.percentDecoded(parts[0]),
        let value = RegistryURL.percentDecoded(parts.count > 1 ? parts[1] : "")
      else {
        continue
      }
      result.append((name, value))
    }
    return result
  }
}
