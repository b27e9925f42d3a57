internal import OCICore
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// The credentials that `docker login`, `podman login` and `skopeo login` keep in files.
///
/// Read in this order, the first entry wins: the JSON in `$DOCKER_AUTH_CONFIG`; the files `$REGISTRY_AUTH_FILE`,
/// `$XDG_RUNTIME_DIR/containers/auth.json`, `containers/auth.json` under `$XDG_CONFIG_HOME` or `~/.config`, and
/// `config.json` under `$DOCKER_CONFIG` or `~/.docker`. Credential helpers are not asked.
public struct DockerCredentials: Sendable {
  /// Where credentials are for: a registry host, or a host and the beginning of a repository's path.
  private let entries: [(place: String, credentials: Credentials)]

  /// Reads the files that the environment names. Files that are missing or damaged are passed over, because a push to
  /// a registry that asks for nothing must not fail on them.
  /// - Parameter variable: Gives an environment variable; by default one of this process.
  public init(variable: (_ name: String) -> String? = DockerCredentials.processVariable) {
    func directory(_ name: String, orHome rest: String) -> FilePath? {
      if let value = variable(name), !value.isEmpty { return FilePath(value) }
      return variable("HOME").map { FilePath($0).appending(rest) }
    }
    let files = [
      variable("REGISTRY_AUTH_FILE").map { FilePath($0) },
      variable("XDG_RUNTIME_DIR").map { FilePath($0).appending("containers/auth.json") },
      directory("XDG_CONFIG_HOME", orHome: ".config")?.appending("containers/auth.json"),
      directory("DOCKER_CONFIG", orHome: ".docker")?.appending("config.json"),
    ]
    var documents = variable("DOCKER_AUTH_CONFIG").map { [Array($0.utf8)] } ?? []
    for case let file? in files {
      if let bytes = try? FileSystem.contents(of: file, limit: 16 << 20) { documents.append(bytes) }
    }
    entries = documents.flatMap(Self.entries)
  }

  /// The credentials for a repository: those of the longest matching path, in the first source that has any.
  public func credentials(host: String, repository: String) -> Credentials? {
    var components = [host] + repository.split(separator: "/").map(String.init)
    while !components.isEmpty {
      let place = components.joined(separator: "/")
      if let entry = entries.first(where: { $0.place == place }) { return entry.credentials }
      components.removeLast()
    }
    // Docker Hub's entry is older than its host name.
    guard host == "docker.io" || host == "registry-1.docker.io" else { return nil }
    return entries.first { $0.place == "index.docker.io" }?.credentials
  }

  /// An environment variable of this process.
  public static func processVariable(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  private static func entries(of document: [UInt8]) -> [(place: String, credentials: Credentials)] {
    guard let json = try? JSON(parsing: document), let auths = json.objectValue?["auths"]?.objectValue else {
      return []
    }
    return auths.members.compactMap { member in
      guard let fields = member.value.objectValue, let credentials = credentials(in: fields) else { return nil }
      return (place(of: member.name), credentials)
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
