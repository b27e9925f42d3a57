internal import OCICore

/// Knows how to authenticate at each repository, once a registry has asked for it.
actor Authorizer {
  private struct Grant {
    let header: String
    let end: ContinuousClock.Instant?
  }

  private let transport: Transport
  private var grants: [RegistryURL: Grant] = [:]
  private var pending: [RegistryURL: Task<Grant?, any Error>] = [:]

  init(_ transport: Transport) { self.transport = transport }

  /// The `Authorization` header that is known to work, if any.
  func header(for repository: RegistryURL) -> String? {
    guard let grant = grants[repository] else { return nil }
    if let end = grant.end, end <= .now {
      grants[repository] = nil
      return nil
    }
    return grant.header
  }

  /// Forgets a header that the registry did not take.
  func forget(_ header: String?, for repository: RegistryURL) {
    if grants[repository]?.header == header { grants[repository] = nil }
  }

  /// Answers a challenge; `nil` where we have nothing to answer with. Many requests that are refused at the same moment
  /// ask for one token.
  func answer(
    _ challenges: [AuthChallenge], at repository: RegistryURL, of name: String, rejected: String?,
    credentials: Credentials?
  ) async throws -> String? {
    if let known = header(for: repository), known != rejected { return known }
    if let task = pending[repository] { return try await task.value?.header }
    let task = Task { try await grant(challenges, repository, name, credentials) }
    pending[repository] = task
    defer { pending[repository] = nil }
    grants[repository] = try await task.value
    return grants[repository]?.header
  }

  private func grant(
    _ challenges: [AuthChallenge], _ repository: RegistryURL, _ name: String, _ credentials: Credentials?
  ) async throws -> Grant? {
    if let bearer = challenges.first(where: { $0.scheme == "bearer" && $0.parameters["realm"] != nil }) {
      return try await token(bearer, repository, name, credentials)
    }
    guard let credentials, challenges.contains(where: { $0.scheme == "basic" }) else { return nil }
    return Grant(header: credentials.basicAuthorization, end: nil)
  }

  /// Asks a token server (distribution, docs/content/spec/auth/token.md).
  private func token(
    _ challenge: AuthChallenge, _ repository: RegistryURL, _ name: String, _ credentials: Credentials?
  ) async throws -> Grant {
    func violation(_ why: String) -> RegistryError {
      RegistryError(
        .protocolViolation, "registry \(repository.authority) \(why); ask its operator to mend its authentication")
    }
    // A plain HTTP realm of a TLS registry would give the password away.
    guard var url = RegistryURL(challenge.parameters["realm"] ?? ""),
      url.scheme == "https" || repository.scheme == "http"
    else { throw violation("names the token server '\(challenge.parameters["realm"] ?? "")', which is not https") }
    if let service = challenge.parameters["service"] { url = url.appendingQuery("service", service) }
    // Ours first: some servers see only the first. What the registry asks for may be another resource.
    url = url.appendingQuery("scope", "repository:\(name):pull,push")
    for scope in (challenge.parameters["scope"] ?? "").split(separator: " ")
    where !scope.hasPrefix("repository:\(name):") {
      url = url.appendingQuery("scope", String(scope))
    }
    let response = try await transport.send(
      Request(method: "GET", url: url, headers: [("Accept", "application/json")]),
      authorization: credentials?.basicAuthorization)
    guard response.status == 200 else {
      throw await response.failure("asking for a token for \(name)", hasCredentials: credentials != nil)
    }
    let fields = try? JSON(parsing: await response.beginning()).objectValue
    let token = [fields?["token"], fields?["access_token"]].lazy.compactMap { $0?.stringValue }.first { !$0.isEmpty }
    guard let token else { throw violation("has a token server that gives no token (\(url.authority))") }
    // Some servers say nanoseconds. A tenth is kept in reserve for the request's way.
    let lifetime = min(max(fields?["expires_in"]?.integerValue ?? 60, 1), 3600)
    return Grant(header: "Bearer \(token)", end: .now + .milliseconds(lifetime * 900))
  }
}
