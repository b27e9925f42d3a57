internal import OCICore
internal import Synchronization

extension RegistryServer {
  /// Refuses a request that does not prove what the faults ask for.
  func authenticate(_ authorization: String?, _ route: ServerRoute) throws {
    switch faults.authentication {
    case nil: return
    case .basic(let credentials):
      guard authorization != credentials.basicAuthorization else { return }
      throw Refusal(
        401, "UNAUTHORIZED", "a name and a password are needed",
        headers: [("WWW-Authenticate", "Basic realm=\"\(address)\"")])
    case .bearer:
      if let authorization, state.withLock({ $0.tokens.contains(authorization) }) { return }
      let scope = Self.repository(of: route).map { ",scope=\"repository:\($0):pull,push\"" } ?? ""
      throw Refusal(
        401, "UNAUTHORIZED", "a token is needed",
        headers: [("WWW-Authenticate", "Bearer realm=\"http://\(address)/token\",service=\"flywheel\"\(scope)")])
    }
  }

  /// Gives a token for a name and a password.
  func token(_ authorization: String?) throws -> ServerAnswer {
    guard case .bearer(let credentials) = faults.authentication, authorization == credentials.basicAuthorization else {
      throw Refusal(401, "UNAUTHORIZED", "the name or the password is wrong")
    }
    let token = String(UInt64.random(in: .min ... .max), radix: 36)
    state.withLock { _ = $0.tokens.insert("Bearer \(token)") }
    var object = JSON.Object()
    object["token"] = .string(token)
    object["expires_in"] = .integer(300)
    return .json(.object(object))
  }

  private static func repository(of route: ServerRoute) -> String? {
    switch route {
    case .base, .token, .catalog: nil
    case .tags(let name), .manifest(let name, _), .blob(let name, _), .uploads(let name), .upload(let name, _): name
    }
  }
}
