internal import OCICore
public import SystemPackage

/// The file that a login writes to, in the form of docker's `config.json`, which podman and skopeo read as well.
///
/// Members that it does not know stay as they are. Where the file names a credential helper, the helper keeps the secret.
public struct LoginFile: Sendable {
  /// The file.
  public let path: FilePath

  /// Creates a value for a file, which need not exist.
  public init(_ path: FilePath) { self.path = path }

  /// The file that the environment names: `$REGISTRY_AUTH_FILE`, else `config.json` under `$DOCKER_CONFIG` or `~/.docker`.
  /// - Throws: `RegistryError.Code.credentialsUnavailable` where there is no home.
  public init(variable: (_ name: String) -> String? = DockerCredentials.processVariable) throws {
    func value(_ name: String) -> FilePath? { variable(name).flatMap { $0.isEmpty ? nil : FilePath($0) } }
    let path =
      value("REGISTRY_AUTH_FILE") ?? value("DOCKER_CONFIG")?.appending("config.json")
      ?? value("HOME")?.appending(".docker/config.json")
    guard let path else {
      throw RegistryError(
        .credentialsUnavailable, "there is no place for credentials; set HOME, DOCKER_CONFIG or REGISTRY_AUTH_FILE")
    }
    self.init(path)
  }

  /// Keeps credentials; tells where: the name of the file or of a helper.
  /// - Parameters:
  ///   - credentials: Name and password, or a token.
  ///   - place: A registry's host, or a host and the beginning of a repository's path (podman and skopeo heed these).
  /// - Throws: `OCIError` when the file cannot be read or written; `RegistryError` when a helper fails.
  public func save(_ credentials: Credentials, for place: String) async throws -> String {
    var document = try read()
    if let helper = helper(for: place) {
      try await helper.store(credentials, for: place)
      // Docker's mark for what a helper keeps.
      document.setAuth(Self.key(of: place), .object([:]))
      try write(document)
      return helper.program
    }
    var entry = JSON.Object()
    switch credentials.secret {
    case .password(let password): entry["auth"] = .string(Base64.encode(Array("\(credentials.user):\(password)".utf8)))
    case .identityToken(let token): entry["identitytoken"] = .string(token)
    case .accessToken(let token): entry["registrytoken"] = .string(token)
    }
    document.setAuth(Self.key(of: place), .object(entry))
    try write(document)
    return path.string
  }

  /// Forgets credentials; `false` where there were none.
  public func remove(_ place: String) async throws -> Bool {
    var document = try read()
    let helper = helper(for: place)
    if let helper { try await helper.erase(place) }
    let removed = document.removeAuth { CredentialFile.place(of: $0) == CredentialFile.place(of: Self.key(of: place)) }
    if removed { try write(document) }
    return removed || helper != nil
  }

  private func helper(for place: String) -> CredentialHelper? {
    guard let bytes = try? FileSystem.contents(of: path, limit: 16 << 20) else { return nil }
    let file = CredentialFile(name: path.string, document: bytes)
    return file.helpers[place] ?? (place.contains("/") ? nil : file.store)
  }

  private static func key(of place: String) -> String { CredentialHelper.key(of: place) }

  private func read() throws -> JSON.Object {
    guard FileSystem.exists(path) else { return [:] }
    let bytes = try FileSystem.contents(of: path, limit: 16 << 20)
    guard !bytes.isEmpty else { return [:] }
    guard let object = try JSON(parsing: bytes).objectValue else {
      throw OCIError(.invalidDocument, "'\(path)' is not a JSON object; mend or remove it, and log in again")
    }
    if let auths = object["auths"], auths.objectValue == nil {
      throw OCIError(.invalidDocument, "auths in '\(path)' is not an object; mend or remove it, and log in again")
    }
    return object
  }

  private func write(_ document: JSON.Object) throws {
    // A link stays one, and what it points to changes.
    let path = FileSystem.resolvingSymlinks(path)
    let directory = path.removingLastComponent()
    if !directory.isEmpty { _ = try FileSystem.createDirectories(directory) }
    // Only its owner may read what is in it.
    try FileSystem.replace(path, with: Array((JSON.object(document).prettyText + "\n").utf8), isPrivate: true)
  }
}

extension JSON.Object {
  fileprivate mutating func setAuth(_ key: String, _ entry: JSON) {
    var auths = self["auths"]?.objectValue ?? [:]
    auths[key] = entry
    self["auths"] = .object(auths)
  }

  fileprivate mutating func removeAuth(_ isMeant: (String) -> Bool) -> Bool {
    var auths = self["auths"]?.objectValue ?? [:]
    let keys = auths.members.map(\.name).filter(isMeant)
    for key in keys { auths[key] = nil }
    if !keys.isEmpty { self["auths"] = .object(auths) }
    return !keys.isEmpty
  }
}
