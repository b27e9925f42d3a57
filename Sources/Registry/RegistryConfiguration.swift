public import OCICore

/// How to talk to registries.
public struct RegistryConfiguration: Sendable {
  /// Whether to speak plain HTTP; `nil` does so with this machine only (`ImageReference.isLoopback`).
  public var plainHTTP: Bool?
  /// How often a request is tried before it fails.
  public var maximumAttempts = 4
  /// After how many seconds without progress a connection counts as lost.
  public var stallTimeout = 60
  /// What we call ourselves to registries.
  public var userAgent = "flywheel"
  /// Who we are at a registry; asked with the host and the repository when the registry wants to know.
  public var credentials: @Sendable (_ host: String, _ repository: String) -> Credentials?
  /// Told, for each chunk that goes out, how many bytes of the blob the present attempt has sent so far: a total, which
  /// begins again at zero with a new attempt.
  public var onBytesSent: (@Sendable (Descriptor, Int64) -> Void)?
  /// Told of each answer: the request's method and path, and the status.
  public var onRequest: (@Sendable (_ method: String, _ path: String, _ status: Int) -> Void)?

  /// Creates a configuration.
  /// - Parameter credentials: Who we are at a registry; by default nobody.
  public init(credentials: @escaping @Sendable (_ host: String, _ repository: String) -> Credentials? = { _, _ in nil })
  {
    self.credentials = credentials
  }
}
