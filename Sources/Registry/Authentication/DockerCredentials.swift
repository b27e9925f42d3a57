internal import HostSystem
internal import OCICore
internal import Synchronization
internal import SystemPackage

/// The credentials that `flywheel login`, `docker login`, `podman login` and `skopeo login` keep.
///
/// Asked in this order, the first that has an entry wins: the JSON in `$DOCKER_AUTH_CONFIG`; the files `$REGISTRY_AUTH_FILE`,
/// `$XDG_RUNTIME_DIR/containers/auth.json`, `containers/auth.json` under `$XDG_CONFIG_HOME` or `~/.config`, and
/// `config.json` under `$DOCKER_CONFIG` or `~/.docker`. In each the longest path that holds the repository counts; for a
/// whole host its credential helper (`credHelpers`, `credsStore`) is asked before the plain entry, if it is installed.
public struct DockerCredentials: Sendable {
  private let files: [CredentialFile]

  /// What is wrong with the files: to be shown when a registry refuses us.
  public let problems: [String]

  /// Reads the files that the environment names. What is missing or damaged becomes one of the `problems` rather than an
  /// error, because a push to a registry that asks for nothing must not fail on it.
  /// - Parameters:
  ///   - document: A document in the form of docker's `config.json`, e.g. from standard input, which is asked first.
  ///   - variable: Gives an environment variable; by default one of this process.
  public init(
    document: [UInt8]? = nil, variable: (_ name: String) -> String? = DockerCredentials.processVariable
  ) {
    var files: [CredentialFile] = []
    if let document { files.append(CredentialFile(name: "the given document", document: document)) }
    var problems: [String] = []
    if let text = variable("DOCKER_AUTH_CONFIG"), !text.isEmpty {
      files.append(CredentialFile(name: "$DOCKER_AUTH_CONFIG", document: Array(text.utf8)))
    }
    for (path, isExpected) in Self.paths(variable) where isExpected || FileSystem.exists(path) {
      do {
        files.append(CredentialFile(name: "'\(path)'", document: try FileSystem.contents(of: path, limit: 16 << 20)))
      } catch {
        problems.append("credentials: \(error)")
      }
    }
    for index in files.indices { problems += files[index].dropHelpers { $0.isInstalled(variable: variable) } }
    self.files = files
    self.problems = problems + files.flatMap(\.problems)
  }

  /// The files, and whether they were named outright and so should be there.
  private static func paths(_ variable: (String) -> String?) -> [(FilePath, Bool)] {
    func directory(_ name: String, orHome rest: String) -> FilePath? {
      if let value = variable(name), !value.isEmpty { return FilePath(value) }
      return variable("HOME").map { FilePath($0).appending(rest) }
    }
    var paths: [(FilePath, Bool)] = []
    if let file = variable("REGISTRY_AUTH_FILE"), !file.isEmpty { paths.append((FilePath(file), true)) }
    let usual = [
      variable("XDG_RUNTIME_DIR").map { FilePath($0).appending("containers/auth.json") },
      directory("XDG_CONFIG_HOME", orHome: ".config")?.appending("containers/auth.json"),
      directory("DOCKER_CONFIG", orHome: ".docker")?.appending("config.json"),
    ]
    return paths + usual.compactMap { $0.map { ($0, false) } }
  }

  /// The credentials for a repository: those of the longest matching path, in the first source that has any. May run a
  /// credential helper.
  /// - Throws: `RegistryError.Code.credentialsUnavailable` when a helper fails and no other source has any.
  public func credentials(host: String, repository: String) async throws -> Credentials? {
    let names = Self.names(of: host)
    let components = repository.split(separator: "/").map(String.init)
    var failure: (any Error)?
    for file in files {
      for count in stride(from: components.count, to: 0, by: -1) {
        let path = components.prefix(count).joined(separator: "/")
        for name in names {
          if let found = file.entries["\(name)/\(path)"] { return found }
        }
      }
      if let helper = names.lazy.compactMap({ file.helpers[$0] }).first ?? file.store {
        do {
          if let found = try await helper.credentials(for: host) { return found }
        } catch let error as RegistryError {
          failure = failure ?? error
        }
      }
      for name in names {
        if let found = file.entries[name] { return found }
      }
    }
    if let failure { throw failure }
    return nil
  }

  /// The names that a host goes by: Docker Hub's entry is older than its host name.
  private static func names(of host: String) -> [String] {
    let hub = [ImageReference.dockerHub, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]
    return hub.contains(host) ? [host] + hub.filter { $0 != host } : [host]
  }

  /// An environment variable of this process.
  public static func processVariable(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }
}
