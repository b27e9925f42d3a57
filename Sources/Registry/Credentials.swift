/// A user's name and password, or access token, at a registry.
public struct Credentials: Sendable, Hashable, CustomStringConvertible {
  /// The user's name.
  public var user: String
  /// The password or token.
  public var password: String

  /// Creates credentials.
  public init(user: String, password: String) {
    self.user = user
    self.password = password
  }

  /// The user's name; never the password, so that no log has it.
  public var description: String { "credentials of \(user)" }

  /// The value of an `Authorization` header (RFC 7617).
  var basicAuthorization: String { "Basic " + Base64.encode(Array("\(user):\(password)".utf8)) }
}
