internal import OCICore

/// Knows how to authenticate at each registry, once it has asked for it.
///
/// Tokens are kept by token server, service, credentials and scopes, fetched by one request however many wait for them, and
/// renewed before they end. Credentials that were refused are not tried again: GitLab bans an address for that.
actor Authorizer {
  /// How a registry wants us to authenticate.
  private enum Scheme: Sendable, Hashable {
    case basic
    case bearer(realm: String, service: String?)
  }

  private struct TokenKey: Sendable, Hashable {
    var realm: String
    var service: String?
    var credentials: Credentials?
    var scopes: [String]
  }

  private struct Place: Sendable, Hashable {
    var host: String
    var repository: String
  }

  private struct Rejection: Hashable {
    var origin: RegistryURL
    var credentials: Credentials
    /// `nil` for all of the registry's.
    var repository: String?
  }

  /// How long credentials are used before they are asked for again: some end after hours, and clients may live for days.
  private static let credentialLife = Duration.seconds(600)

  private let tokenService: TokenService
  private let provider: CredentialProvider
  private let onEvent: @Sendable (RegistryEvent) -> Void
  private var schemes: [RegistryURL: Scheme] = [:]
  private var extraScopes: [Place: [String]] = [:]
  private var tokens: [TokenKey: TokenService.Grant] = [:]
  private var pending: [TokenKey: Task<TokenService.Grant, any Error>] = [:]
  private var credentials: [Place: (asked: ContinuousClock.Instant, answer: Task<Credentials?, any Error>)] = [:]
  private var rejections: [Rejection: RegistryError] = [:]
  /// Credentials that a registry has taken once: what it refuses them afterwards is a right to one repository.
  private var accepted: Set<Rejection> = []

  init(
    _ tokenService: TokenService, provider: @escaping CredentialProvider,
    onEvent: @escaping @Sendable (RegistryEvent) -> Void
  ) {
    self.tokenService = tokenService
    self.provider = provider
    self.onEvent = onEvent
  }

  /// Whose credentials we show at a registry, and where they come from; `nil` where we have none.
  func credentialsName(_ access: Access) async -> String? { try? await credentials(for: access)?.description }

  /// The `Authorization` header to send; `nil` before the registry has asked for one.
  func header(for access: Access) async throws -> String? {
    guard let scheme = schemes[access.origin] else { return nil }
    return try await header(scheme, access)
  }

  /// Answers a challenge; `nil` where we have nothing better than what was refused.
  /// - Parameter refused: The header that was refused, if one was sent.
  func answer(_ challenges: [AuthChallenge], _ access: Access, refused: String?) async throws -> String? {
    let asksMore = note(challenges, access)
    guard let scheme = schemes[access.origin] else { return nil }
    if let refused {
      switch scheme {
      case .basic: return nil
      case .bearer: forget(refused)
      }
      // A token that was there before this request may have ended; one that is just made would be made the same again.
      if !asksMore, let credentials = try await credentials(for: access), case .accessToken = credentials.secret {
        return nil
      }
    }
    let answer = try await header(scheme, access)
    return answer == refused ? nil : answer
  }

  /// Forgets a token, which has ended though it should not have, and the others of its server, which may have too. One that
  /// is forgotten already changes nothing: those of now came after it.
  func forget(_ header: String?) {
    guard let old = tokens.first(where: { $0.value.header == header })?.key else { return }
    tokens = tokens.filter {
      $0.key.realm != old.realm || $0.key.service != old.service || $0.key.credentials != old.credentials
    }
  }

  /// Remembers that a registry, not its token server, refuses credentials.
  func reject(_ access: Access, _ error: RegistryError) async {
    guard schemes[access.origin] == .basic, let credentials = try? await credentials(for: access) else { return }
    note(error, credentials, access)
  }

  /// Remembers that a registry has taken our credentials.
  func accept(_ access: Access) async {
    guard let credentials = try? await credentials(for: access) else { return }
    accepted.insert(Rejection(origin: access.origin, credentials: credentials))
  }

  /// Remembers that credentials were refused, and asks for others next time: they may have been renewed meanwhile.
  private func note(_ error: RegistryError, _ credentials: Credentials, _ access: Access) {
    var rejection = Rejection(origin: access.origin, credentials: credentials)
    if accepted.contains(rejection) { rejection.repository = access.repository ?? "" }
    rejections[rejection] = error
    self.credentials[Place(host: access.host, repository: access.repository ?? "")] = nil
  }

  // MARK: Challenges

  /// Learns from a challenge; tells whether it asks for more than we would have asked for.
  private func note(_ challenges: [AuthChallenge], _ access: Access) -> Bool {
    let bearer = challenges.first { $0.scheme == "bearer" && $0.parameters["realm"]?.isEmpty == false }
    guard let bearer, let realm = bearer.parameters["realm"] else {
      // A 401 without a challenge changes nothing: what the registry said before still holds.
      if challenges.contains(where: { $0.scheme == "basic" }) { schemes[access.origin] = .basic }
      return false
    }
    schemes[access.origin] = .bearer(realm: realm, service: bearer.parameters["service"])
    let place = Place(host: access.host, repository: access.repository ?? "")
    var asksMore = false
    // What concerns our repository we ask for anyway; only other resources, or rights that we did not think of, are news.
    for scope in (bearer.parameters["scope"] ?? "").split(separator: " ").prefix(8).map(String.init) {
      guard !covers(access, scope), extraScopes[place]?.contains(scope) != true else { continue }
      extraScopes[place, default: []].append(scope)
      asksMore = true
    }
    return asksMore
  }

  private func covers(_ access: Access, _ scope: String) -> Bool {
    guard let repository = access.repository, scope.hasPrefix("repository:\(repository):") else {
      return access.mountSource.map { scope == "repository:\($0):pull" } ?? false
    }
    let asked = Set(access.actions.split(separator: ","))
    return scope.split(separator: ":").last.map { asked.isSuperset(of: $0.split(separator: ",")) } ?? true
  }

  // MARK: Headers

  private func header(_ scheme: Scheme, _ access: Access) async throws -> String? {
    let credentials = try await credentials(for: access)
    if let credentials {
      var rejection = Rejection(origin: access.origin, credentials: credentials)
      if let error = rejections[rejection] { throw error }
      rejection.repository = access.repository ?? ""
      if let error = rejections[rejection] { throw error }
    }
    if case .accessToken(let token) = credentials?.secret { return "Bearer \(token)" }
    switch scheme {
    case .basic: return credentials?.basicAuthorization
    case .bearer(let realm, let service): return try await token(realm, service, access, credentials)
    }
  }

  private func token(
    _ realm: String, _ service: String?, _ access: Access, _ credentials: Credentials?
  ) async throws -> String {
    let extra = extraScopes[Place(host: access.host, repository: access.repository ?? "")] ?? []
    let key = TokenKey(
      realm: realm, service: service, credentials: credentials, scopes: access.scopes(besides: extra))
    if let grant = tokens[key], grant.isFresh { return grant.header }
    // A token for more will do.
    if access.actions == "pull" {
      var wider = access
      wider.actions = "pull,push"
      var widerKey = key
      widerKey.scopes = wider.scopes(besides: extra)
      if let grant = tokens[widerKey], grant.isFresh { return grant.header }
    }
    if let task = pending[key] { return try await task.value.header }
    let task = Task { [tokenService] in
      try await tokenService.grant(
        TokenService.Question(
          realm: realm, service: service, scopes: key.scopes, credentials: credentials, origin: access.origin,
          host: access.host))
    }
    pending[key] = task
    defer { pending[key] = nil }
    do {
      let grant = try await task.value
      tokens[key] = grant
      return grant.header
    } catch let error as RegistryError where error.code == .unauthorized && access.mountSource == nil {
      // With a second repository in the question the answer may be about that one.
      if let credentials { note(error, credentials, access) }
      throw error
    }
  }

  private func credentials(for access: Access) async throws -> Credentials? {
    let place = Place(host: access.host, repository: access.repository ?? "")
    if let known = credentials[place], known.asked + Self.credentialLife > .now { return try await known.answer.value }
    let task = Task { [provider] in try await provider(place.host, place.repository) }
    credentials[place] = (.now, task)
    do {
      let found = try await task.value
      if let found { onEvent(RegistryEvent(place.host, .credentials(found.description))) }
      return found
    } catch {
      credentials[place] = nil
      throw error
    }
  }
}
