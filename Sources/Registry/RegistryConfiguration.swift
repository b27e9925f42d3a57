internal import OCICore

/// How to talk to registries.
public struct RegistryConfiguration: Sendable {
  /// Registries to speak plain HTTP with: hosts as in references, e.g. `registry.local:5000`, or without the port for all of
  /// a machine's. This machine
  /// (`ImageReference.isLoopback`) is spoken to by plain HTTP unless `certificates` has a directory for it or it is in
  /// `secureHosts`.
  public var plainHTTPHosts: Set<String> = []
  /// Registries on this machine to speak TLS with.
  public var secureHosts: Set<String> = []
  /// Registries whose certificate is not checked.
  public var unverifiedHosts: Set<String> = []
  /// Which certificates to trust and show.
  public var certificates = CertificateSettings()
  /// Which proxies to go through.
  public var proxies = ProxySettings.none
  /// Where else to look for what is pulled, and what is forbidden.
  public var mirrors = MirrorSettings()
  /// How often a request is tried, without progress in between, before it fails.
  public var maximumAttempts = 5
  /// After how many seconds without progress a connection counts as lost.
  public var stallTimeout = 60
  /// How long we wait at most when a registry asks for a pause.
  public var maximumPause = Duration.seconds(120)
  /// How many connections to one registry are open at a time.
  public var connectionsPerHost = 8
  /// What we call ourselves to registries.
  public var userAgent = "flywheel"
  /// Further rows for the table of registries and their ways; they are looked at before the built-in ones.
  public var profiles: [RegistryProfile] = []
  /// Repositories to mount blobs from, by host, the likeliest first, e.g. that of a base image.
  public var mountSources: [String: [String]] = [:]
  /// Who we are at a registry; asked once for a repository, when its registry wants to know.
  public var credentials: CredentialProvider
  /// Told what happens.
  public var onEvent: (@Sendable (RegistryEvent) -> Void)?

  /// Creates a configuration.
  /// - Parameter credentials: Who we are at a registry; by default nobody.
  public init(credentials: @escaping CredentialProvider = { _, _ in nil }) {
    self.credentials = credentials
  }

  /// The configuration of this machine: the credentials of `DockerCredentials`, the proxies of the environment, the
  /// certificates and mirrors of the usual directories.
  /// - Parameter variable: Gives an environment variable; by default one of this process.
  public static func system(
    variable: @escaping (_ name: String) -> String? = DockerCredentials.processVariable
  ) throws -> RegistryConfiguration {
    let logins = DockerCredentials(variable: variable)
    var configuration = RegistryConfiguration(credentials: logins.credentials)
    configuration.proxies = ProxySettings(variable: variable)
    configuration.certificates = CertificateSettings(variable: variable)
    configuration.mirrors = try MirrorSettings(variable: variable)
    return configuration
  }

  /// Whether a set has a host, with or without its port.
  static func names(_ hosts: Set<String>, _ host: String) -> Bool {
    if hosts.contains(host) { return true }
    guard let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") else { return false }
    return hosts.contains(String(host[..<colon]))
  }

  func report(_ place: String, _ kind: RegistryEvent.Kind) { onEvent?(RegistryEvent(place, kind)) }

  /// The scheme to speak with a host.
  func scheme(of reference: ImageReference) -> String {
    if Self.names(plainHTTPHosts, reference.host) || mirrors.isInsecure(reference.host) { return "http" }
    guard reference.isLoopback, !Self.names(secureHosts, reference.host) else { return "https" }
    return certificates.directory(for: reference.host) == nil ? "http" : "https"
  }
}
