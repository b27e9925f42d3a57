internal import OCICore
internal import SystemPackage

/// A file in the form of docker's `config.json` and podman's `auth.json`, or a document in an environment variable.
struct CredentialFile: Sendable {
  /// What to call it in messages.
  let name: String
  /// Where credentials are for: a registry's host, or a host and the beginning of a repository's path.
  private(set) var entries: [String: Credentials] = [:]
  /// The helper that keeps the credentials of one host (`credHelpers`).
  private(set) var helpers: [String: CredentialHelper] = [:]
  /// The helper that keeps all the others (`credsStore`).
  private(set) var store: CredentialHelper?
  /// What of it could not be understood.
  private(set) var problems: [String] = []

  init(name: String, document: [UInt8]) {
    self.name = name
    let json: JSON
    do { json = try JSON(parsing: document) } catch {
      problems.append("credentials in \(name) are not read: \(error)")
      return
    }
    guard let object = json.objectValue else {
      problems.append("credentials in \(name) are not read: it must be an object, but it is \(json.kind)")
      return
    }
    readHelpers(object)
    guard let auths = object["auths"] else { return }
    guard let members = auths.objectValue?.members else {
      problems.append("credentials in \(name) are not read: auths must be an object, but it is \(auths.kind)")
      return
    }
    for member in members { read(member.name, member.value) }
  }

  private mutating func readHelpers(_ object: JSON.Object) {
    store = helper(object["credsStore"], "credsStore")
    guard let helpers = object["credHelpers"] else { return }
    guard let members = helpers.objectValue?.members else {
      problems.append("credHelpers in \(name) is not read: it must be an object, but it is \(helpers.kind)")
      return
    }
    for member in members {
      self.helpers[Self.place(of: member.name)] = helper(member.value, "credHelpers.\(member.name)")
    }
  }

  /// Leaves out helpers that are not there; tells which.
  mutating func dropHelpers(unless isInstalled: (CredentialHelper) -> Bool) -> [String] {
    let missing = Set(helpers.values).union([store].compactMap { $0 }).filter { !isInstalled($0) }
    helpers = helpers.filter { !missing.contains($0.value) }
    if let store, missing.contains(store) { self.store = nil }
    return missing.map(\.program).sorted().map { "\(name) names the credential helper \($0), which is not installed" }
  }

  private mutating func helper(_ value: JSON?, _ field: String) -> CredentialHelper? {
    guard let value else { return nil }
    guard let suffix = value.stringValue else {
      problems.append("\(field) in \(name) is not read: it must be text, but it is \(value.kind)")
      return nil
    }
    guard !suffix.isEmpty else { return nil }
    guard let helper = CredentialHelper(suffix: suffix) else {
      problems.append("\(field) in \(name) is not used: '\(suffix)' is not the name of a credential helper")
      return nil
    }
    return helper
  }

  private mutating func read(_ key: String, _ value: JSON) {
    // An empty entry is docker's mark for what a helper keeps.
    guard let fields = value.objectValue, !fields.members.isEmpty else { return }
    if let credentials = credentials(in: fields) {
      entries[Self.place(of: key)] = credentials
    } else {
      problems.append(
        "the entry '\(key)' in \(name) is not read: it needs auth, the base64 of user:password, or username and password, "
          + "or an identitytoken or registrytoken")
    }
  }

  private func credentials(in fields: JSON.Object) -> Credentials? {
    func text(_ field: String) -> String? { fields[field]?.stringValue.flatMap { $0.isEmpty ? nil : $0 } }
    if let token = text("registrytoken") { return .accessToken(token, origin: name) }
    if let token = text("identitytoken") { return .identityToken(token, origin: name) }
    guard let encoded = text("auth") else {
      guard let user = text("username"), let password = text("password") else { return nil }
      return Credentials(user: user, password: password, origin: name)
    }
    // Some tools leave out the padding.
    let padded = encoded + String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4)
    guard let bytes = Base64.decode(padded) else { return nil }
    let pair = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    guard let colon = pair.firstIndex(of: ":") else { return nil }
    let (user, password) = (String(pair[..<colon]), String(pair[pair.index(after: colon)...]))
    if user == CredentialHelper.tokenUser { return .identityToken(password, origin: name) }
    return Credentials(user: user, password: password, origin: name)
  }

  /// A key without the scheme and the API version that old tools wrote: `https://host/v1/` is `host`.
  static func place(of key: String) -> String {
    var rest = Substring(key)
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    while rest.last == "/" { rest.removeLast() }
    for version in ["/v1", "/v2"] where rest.hasSuffix(version) { rest = rest.dropLast(version.count) }
    return String(rest)
  }
}
