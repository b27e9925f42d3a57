/// What can go wrong between us and a registry.
///
/// Switch on `code`, which is stable; show `message`, which names the host, the repository and the request, and ends with
/// a remedy. Errors of a blob's source are never wrapped in this type: they pass as they are.
public struct RegistryError: Error, Sendable, CustomStringConvertible {
  /// A stable reason, for programs.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    private enum Value: String, Hashable, CaseIterable {
      case unreachable, connectionLost, unauthorized, rejected, unavailable, protocolViolation, notFound
      case credentialsUnavailable, blocked, invalidConfiguration
    }
    private let value: Value

    /// No connection: the name does not resolve, nobody listens, or TLS fails.
    public static let unreachable = Code(value: .unreachable)
    /// A connection that was closed or stalled in the middle of a request, in every attempt.
    public static let connectionLost = Code(value: .connectionLost)
    /// The registry wants other credentials (401), or these may not do this (403).
    public static let unauthorized = Code(value: .unauthorized)
    /// The registry refuses the request for a reason of its own (another 4xx status).
    public static let rejected = Code(value: .rejected)
    /// The registry is overloaded or broken (429, 5xx), in every attempt.
    public static let unavailable = Code(value: .unavailable)
    /// An answer that the distribution-spec does not allow.
    public static let protocolViolation = Code(value: .protocolViolation)
    /// A repository, manifest or blob that is not there.
    public static let notFound = Code(value: .notFound)

    /// Credentials that cannot be read: a credential helper that fails, or no place to keep them.
    public static let credentialsUnavailable = Code(value: .credentialsUnavailable)
    /// A registry that this machine's configuration forbids.
    public static let blocked = Code(value: .blocked)
    /// Certificates, mirrors or proxies that cannot be used as they are written.
    public static let invalidConfiguration = Code(value: .invalidConfiguration)

    /// The reason's name.
    public var description: String { value.rawValue }

    /// Every reason, for the test that each is explained to users.
    package static var all: [Code] { Value.allCases.map { Code(value: $0) } }
  }

  /// The stable reason.
  public let code: Code
  /// What happened, to what, and what to do about it.
  public let message: String

  /// The status of the registry's answer, where one was the reason.
  public let status: Int?
  /// The error codes of the registry's answer (distribution-spec §Error Codes), e.g. `DENIED`.
  public let registryCodes: Set<String>

  /// Creates an error.
  public init(_ code: Code, _ message: String) { self.init(code, message, status: nil, codes: []) }

  init(_ code: Code, _ message: String, status: Int?, codes: Set<String>) {
    self.code = code
    self.message = message
    self.status = status
    registryCodes = codes
  }

  /// The message.
  public var description: String { message }
}
