/// A request that a `RegistryServer` has answered.
public struct RecordedRequest: Sendable, Hashable, CustomStringConvertible {
  /// The method.
  public var method: String
  /// The path, without the query.
  public var path: String
  /// The status of the answer; 0 where the connection was closed instead.
  public var status: Int
  /// How many bytes of the body were read.
  public var bodyBytes: Int64
  /// Whether it brought credentials.
  public var hasAuthorization: Bool

  /// One line, e.g. `HEAD /v2/team/app/manifests/1 404`.
  public var description: String { "\(method) \(path) \(status)" }
}
