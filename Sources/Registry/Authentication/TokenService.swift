internal import OCICore

/// Asks token servers for tokens (distribution, docs/content/spec/auth: token.md and oauth.md).
struct TokenService: Sendable {
  struct Question: Sendable {
    var realm: String
    var service: String?
    var scopes: [String]
    var credentials: Credentials?
    /// The registry that sends us there.
    var origin: RegistryURL
    var host: String
  }

  /// A token and when it must be renewed.
  struct Grant: Sendable {
    let header: String
    let renewal: ContinuousClock.Instant

    var isFresh: Bool { renewal > .now }
  }

  let transport: Transport

  func grant(_ question: Question) async throws -> Grant {
    let url = try realm(of: question)
    guard let credentials = question.credentials else { return try await ask(.get, url, question) }
    // An identity token is what the POST is for; a password goes by GET, which every server knows.
    let methods: [Method] =
      if case .identityToken = credentials.secret { [.post, .get] } else { [.get, .post] }
    do {
      return try await ask(methods[0], url, question)
    } catch is Unsupported {
      return try await ask(methods[1], url, question, isLast: true)
    }
  }

  private enum Method {
    case get, post
  }

  /// The server does not know the method.
  private struct Unsupported: Error {}

  private func realm(of question: Question) throws -> RegistryURL {
    // A plain HTTP realm of a TLS registry would give the password away, and one on a private address asks for it to be
    // shown to a machine that only we can reach.
    guard let url = RegistryURL(question.realm), url.scheme == "https" || question.origin.scheme == "http" else {
      throw violation("names the token server '\(question.realm.prefix(200))', which is not https", question)
    }
    guard url.mayBeReached(from: question.origin) else {
      throw violation("names the token server '\(url)', which is at a private address", question)
    }
    return url
  }

  private func ask(_ method: Method, _ url: RegistryURL, _ question: Question, isLast: Bool = false) async throws
    -> Grant
  {
    var request = Request(method: method == .get ? "GET" : "POST", url: url, headers: [("Accept", "application/json")])
    request.timeLimit = .seconds(60)
    var authorization: String?
    switch method {
    case .get:
      if let service = question.service { request.url = request.url.appendingQuery("service", service) }
      for scope in question.scopes { request.url = request.url.appendingQuery("scope", scope) }
      authorization = basic(question.credentials)
    case .post:
      request.headers.append(("Content-Type", "application/x-www-form-urlencoded"))
      request.body = .bytes(Array(form(question).utf8))
    }
    let response = try await sending(request, authorization)
    if response.status == 200 { return try await grant(in: response, question) }
    let isUnknown = [404, 405].contains(response.status) || (method == .post && [400, 401].contains(response.status))
    if !isLast, isUnknown, question.credentials != nil {
      _ = await response.beginning()
      throw Unsupported()
    }
    let what = "asking for a token (\(question.scopes.joined(separator: " ")))"
    throw await response.failure("\(question.host): \(what)", credentials: question.credentials?.description).asError
  }

  private func sending(_ request: Request, _ authorization: String?) async throws -> Response {
    var attempt = 1
    while true {
      do {
        let response = try await transport.send(request, authorization: authorization)
        guard RetryPolicy.statuses.contains(response.status), attempt < transport.configuration.maximumAttempts else {
          return response
        }
        let wait = response.retryAfter
        _ = await response.beginning()
        try await Task.sleep(for: RetryPolicy.delay(afterAttempt: attempt, retryAfter: wait?.wait))
      } catch let failure as Transient {
        guard attempt < transport.configuration.maximumAttempts else { throw failure.error }
        try await Task.sleep(for: RetryPolicy.delay(afterAttempt: attempt, retryAfter: nil))
      }
      attempt += 1
    }
  }

  private func basic(_ credentials: Credentials?) -> String? {
    if case .identityToken(let token) = credentials?.secret {
      return Credentials(user: "<token>", password: token).basicAuthorization
    }
    return credentials?.basicAuthorization
  }

  private func form(_ question: Question) -> String {
    var fields = [("client_id", "flywheel"), ("scope", question.scopes.joined(separator: " "))]
    if let service = question.service { fields.append(("service", service)) }
    switch question.credentials?.secret {
    case .identityToken(let token): fields += [("grant_type", "refresh_token"), ("refresh_token", token)]
    case .password(let password):
      fields += [
        ("grant_type", "password"), ("username", question.credentials?.user ?? ""), ("password", password),
      ]
    case .accessToken, nil: break
    }
    return fields.map { "\($0)=\(RegistryURL.percentEncoded($1))" }.joined(separator: "&")
  }

  private func grant(in response: Response, _ question: Question) async throws -> Grant {
    let received = ContinuousClock.now
    let fields = try? JSON(parsing: await response.beginning()).objectValue
    let token = [fields?["token"], fields?["access_token"]].lazy.compactMap { $0?.stringValue }.first { !$0.isEmpty }
    // It becomes a header, so it must not be able to become two.
    guard let token, token.utf8.allSatisfy({ 0x21...0x7e ~= $0 }) else {
      throw violation("has a token server that gives no token (\(response.request.url.authority))", question)
    }
    // Some servers say nanoseconds, some nothing. The last quarter is kept in reserve for what is on its way.
    let lifetime = min(max(fields?["expires_in"]?.integerValue ?? 60, 60), 86_400)
    return Grant(header: "Bearer \(token)", renewal: received + .seconds(lifetime) - .seconds(min(lifetime / 4, 60)))
  }

  private func violation(_ why: String, _ question: Question) -> RegistryError {
    RegistryError(
      .protocolViolation, "registry \(question.host) \(why); ask its operator to mend its authentication")
  }
}
