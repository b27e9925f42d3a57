internal import OCICore
internal import SystemPackage

/// Reads files in the form of docker's `config.json` and podman's `auth.json`.
struct CredentialReader {
  private(set) var entries: [(place: String, credentials: Credentials)] = []
  private(set) var problems: [String] = []

  mutating func read(_ file: FilePath, isExpected: Bool) {
    guard isExpected || FileSystem.exists(file) else { return }
    do {
      read(try FileSystem.contents(of: file, limit: 16 << 20), name: "'\(file)'")
    } catch {
      problems.append("credentials: \(error)")
    }
  }

  mutating func read(_ document: [UInt8], name: String) {
    let json: JSON
    do { json = try JSON(parsing: document) } catch {
      return problems.append("credentials in \(name) are not read: \(error)")
    }
    for helper in ["credsStore", "credHelpers"] where json.objectValue?[helper] != nil {
      problems.append("\(name) names a credential helper (\(helper)), which is not supported; log in without one")
    }
    guard let auths = json.objectValue?["auths"] else { return }
    guard let members = auths.objectValue?.members else {
      return problems.append("credentials in \(name) are not read: auths must be an object, but it is \(auths.kind)")
    }
    for member in members {
      // An empty entry is docker's mark for what a helper keeps.
      guard let fields = member.value.objectValue, !fields.members.isEmpty else { continue }
      if let credentials = Self.credentials(in: fields) {
        entries.append((Self.place(of: member.name), credentials))
      } else {
        problems.append(
          "the entry '\(member.name)' in \(name) is not read: it needs auth, the base64 of user:password, or username and password"
        )
      }
    }
  }

  private static func credentials(in fields: JSON.Object) -> Credentials? {
    if let encoded = fields["auth"]?.stringValue, !encoded.isEmpty {
      guard let bytes = Base64.decode(encoded) else { return nil }
      let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      guard let colon = text.firstIndex(of: ":") else { return nil }
      return Credentials(user: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
    }
    guard let user = fields["username"]?.stringValue, let password = fields["password"]?.stringValue else { return nil }
    return Credentials(user: user, password: password)
  }

  /// A key without the scheme and the API version that old tools wrote: `https://host/v1/` is `host`.
  private static func place(of key: String) -> String {
    var rest = Substring(key)
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    while rest.last == "/" { rest.removeLast() }
    for version in ["/v1", "/v2"] where rest.hasSuffix(version) { rest = rest.dropLast(version.count) }
    return String(rest)
  }
}
