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

  /// What is wrong with the files, and what of them is not supported: to be shown when a registry refuses us.
  public let problems: [String]

  /// Reads the files that the environment names. What is missing, damaged or not supported becomes one of the `problems`
  /// rather than an error, because a push to a registry that asks for nothing must not fail on it.
  /// - Parameter variable: Gives an environment variable; by default one of this process.
  public init(variable: (_ name: String) -> String? = DockerCredentials.processVariable) {
    func directory(_ name: String, orHome rest: String) -> FilePath? {
      if let value = variable(name), !value.isEmpty { return FilePath(value) }
      return variable("HOME").map { FilePath($0).appending(rest) }
    }
    var reader = CredentialReader()
    if let text = variable("DOCKER_AUTH_CONFIG"), !text.isEmpty {
      reader.read(Array(text.utf8), name: "$DOCKER_AUTH_CONFIG")
    }
    // A file that is named outright should be there; the others are usual places.
    if let file = variable("REGISTRY_AUTH_FILE"), !file.isEmpty { reader.read(FilePath(file), isExpected: true) }
    let usual = [
      variable("XDG_RUNTIME_DIR").map { FilePath($0).appending("containers/auth.json") },
      directory("XDG_CONFIG_HOME", orHome: ".config")?.appending("containers/auth.json"),
      directory("DOCKER_CONFIG", orHome: ".docker")?.appending("config.json"),
    ]
    for case let file? in usual { reader.read(file, isExpected: false) }
    entries = reader.entries
    problems = reader.problems
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
}
