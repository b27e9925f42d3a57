internal import OCICore

/// Who we are at a registry: a name and a password, or a token.
///
/// The secret is in no description, dump or log.
public struct Credentials: Sendable, Hashable {
  enum Secret: Sendable, Hashable {
    case password(String)
    case identityToken(String)
    case accessToken(String)
  }

  /// The user's name; empty where there is only a token.
  public let user: String
  let secret: Secret
  /// Where they come from, e.g. the name of a file, for messages. Equality does not look at it.
  public var origin: String?

  private init(user: String, secret: Secret, origin: String?) {
    self.user = user
    self.secret = secret
    self.origin = origin
  }

  /// A user's name and password, or access token in place of one.
  public init(user: String, password: String, origin: String? = nil) {
    self.init(user: user, secret: .password(password), origin: origin)
  }

  /// A refresh token, which a token server exchanges for access tokens (OAuth 2; Docker's `identitytoken`).
  public static func identityToken(_ token: String, origin: String? = nil) -> Credentials {
    Credentials(user: "", secret: .identityToken(token), origin: origin)
  }

  /// A token that goes to the registry as it is (Docker's `registrytoken`).
  public static func accessToken(_ token: String, origin: String? = nil) -> Credentials {
    Credentials(user: "", secret: .accessToken(token), origin: origin)
  }

  /// Whether who and what is the same, wherever it comes from.
  public static func == (left: Credentials, right: Credentials) -> Bool {
    left.user == right.user && left.secret == right.secret
  }

  /// Hashes what equality compares.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(user)
    hasher.combine(secret)
  }

  /// The value of an `Authorization` header (RFC 7617); `nil` for tokens.
  var basicAuthorization: String? {
    guard case .password(let password) = secret else { return nil }
    return "Basic " + Base64.encode(Array("\(user):\(password)".utf8))
  }
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Whose they are and where they come from; never the secret.
  public var description: String {
    let owner = user.isEmpty ? "a token" : "credentials of \(user)"
    return origin.map { "\(owner) from \($0)" } ?? owner
  }

  /// As the description.
  public var debugDescription: String { description }

  /// Shows no secret.
  public var customMirror: Mirror { Mirror(self, children: ["user": user]) }
}

/// Gives credentials for a repository of a registry, or `nil` where there are none. It may take its time; a client asks it
/// once for each repository, and again after ten minutes or after a refusal.
///
/// - Parameters:
///   - host: The registry's host, with its port if it has one, e.g. `ghcr.io`.
///   - repository: The repository, e.g. `team/app`; empty for what concerns the whole registry.
public typealias CredentialProvider = @Sendable (_ host: String, _ repository: String) async throws -> Credentials?
