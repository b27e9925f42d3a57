internal import NIOHTTP1
internal import OCICore
internal import Synchronization

extension RegistryServer {
  /// Refuses a request that does not prove what the faults ask for; gives the scopes that it proves.
  func authenticate(_ authorization: String?, _ route: ServerRoute, method: String) throws -> [String]? {
    switch faults.authentication {
    case nil: return nil
    case .basic(let credentials):
      guard authorization != credentials.basicAuthorization else { return nil }
      throw Refusal(
        401, "UNAUTHORIZED", "a name and a password are needed",
        headers: [("WWW-Authenticate", "Basic realm=\"\(address)\"")])
    case .bearer, .anonymousBearer:
      if let scopes = use(authorization), covers(scopes, route, method) { return scopes }
      let manners = manners
      let service = manners.omitsService ? "" : ",service=\"\(manners.service)\""
      let scope = Self.repository(of: route).map { ",scope=\"repository:\($0):\(Self.actions(method))\"" } ?? ""
      throw Refusal(
        401, "UNAUTHORIZED", "a token is needed",
        headers: [("WWW-Authenticate", "Bearer realm=\"\(scheme)://\(address)/token\"\(service)\(scope)")])
    }
  }

  private static func actions(_ method: String) -> String {
    switch method {
    case "GET", "HEAD": "pull"
    case "DELETE": "delete"
    default: "pull,push"
    }
  }

  /// Counts one use of a token; `nil` for one that is not good any more.
  private func use(_ authorization: String?) -> [String]? {
    guard let authorization else { return nil }
    return state.withLock { state in
      guard let token = state.tokens[authorization], token.uses > 0 else { return nil }
      state.tokens[authorization]?.uses -= 1
      return token.scopes
    }
  }

  /// Whether scopes allow a request. What is asked of the whole registry, and the end of an upload, any token may.
  private func covers(_ scopes: [String], _ route: ServerRoute, _ method: String) -> Bool {
    guard let repository = Self.repository(of: route) else { return true }
    if case .upload = route, method == "DELETE" { return true }
    let needed = Self.actions(method).split(separator: ",")
    return scopes.contains { scope in
      guard scope.hasPrefix("repository:\(repository):") else { return false }
      let given = scope.split(separator: ":").last?.split(separator: ",") ?? []
      return needed.allSatisfy(given.contains)
    }
  }

  /// Gives a token (distribution, docs/content/spec/auth: token.md and oauth.md).
  func token(_ head: HTTPRequestHead, _ incoming: IncomingRequests) async throws -> ServerAnswer {
    let server = faults.tokenServer
    if let status = server.unknownMethods[head.method.rawValue] {
      throw Refusal(status, "UNSUPPORTED", "tokens are not given so")
    }
    var parameters: [(String, String)]
    if head.method == .POST {
      var bytes: [UInt8] = []
      while let block = try await incoming.nextBlock(), bytes.count < 64 << 10 { bytes += block }
      parameters = ServerRoute.parameters(String(decoding: bytes, as: UTF8.self))
    } else {
      parameters = ServerRoute.parameters(head.uri.drop { $0 != "?" }.dropFirst())
    }
    let scopes = parameters.filter { $0.0 == "scope" }.flatMap { $0.1.split(separator: " ") }.map(String.init)
    let fields = Dictionary(parameters, uniquingKeysWith: { $1 })
    guard isKnown(head, fields),
      !server.refusesSecondScope || Set(scopes.map { $0.split(separator: ":").dropLast() }).count < 2
    else { throw Refusal(401, "UNAUTHORIZED", "the name or the password is wrong") }
    let token =
      String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
    state.withLock { $0.tokens["Bearer \(token)"] = Token(scopes: scopes, uses: server.uses ?? .max) }
    var object = JSON.Object()
    for field in server.fields { object[field] = .string(token) }
    if let seconds = server.expiresIn { object["expires_in"] = .integer(seconds) }
    return .json(.object(object))
  }

  private func isKnown(_ head: HTTPRequestHead, _ fields: [String: String]) -> Bool {
    switch faults.authentication {
    case .anonymousBearer: return true
    case .bearer(let credentials):
      if case .identityToken(let token) = credentials.secret {
        return head.method == .POST && fields["grant_type"] == "refresh_token" && fields["refresh_token"] == token
      }
      if head.method == .POST, case .password(let password) = credentials.secret {
        return fields["grant_type"] == "password" && fields["username"] == credentials.user
          && fields["password"] == password
      }
      return head.headers.first(name: "Authorization") == credentials.basicAuthorization
    default: return false
    }
  }

  private static func repository(of route: ServerRoute) -> String? {
    switch route {
    case .base, .token, .catalog: nil
    case .tags(let name), .manifest(let name, _), .blob(let name, _), .uploads(let name), .upload(let name, _),
      .referrers(let name, _):
      name
    }
  }
}
