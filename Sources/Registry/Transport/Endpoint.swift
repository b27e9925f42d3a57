internal import OCICore

/// One repository at one registry, as requests are sent to it: authenticated, with redirects followed and pauses kept.
struct Endpoint: Sendable {
  let client: RegistryClient
  /// The registry's host as the user named it.
  let host: String
  /// The repository; empty for what concerns the whole registry.
  let name: String
  /// The address below which everything of the repository is.
  let base: RegistryURL
  /// What tokens are asked for.
  var actions: String
  /// The registry that a mirror stands for (distribution-spec §Registry Proxying).
  var namespace: String?

  init(_ client: RegistryClient, _ reference: ImageReference, actions: String, namespace: String? = nil) {
    self.client = client
    host = reference.host
    name = reference.repository
    self.actions = actions
    self.namespace = namespace
    base = client.address(of: reference).with(target: "/v2/\(reference.repository)/")
  }

  /// The registry itself.
  init(_ client: RegistryClient, registry reference: ImageReference, actions: String) {
    self.client = client
    host = reference.host
    name = ""
    self.actions = actions
    base = client.address(of: reference).with(target: "/v2/")
  }

  /// What to call it in messages and events.
  var place: String { name.isEmpty ? host : "\(host)/\(name)" }

  /// What the registry has shown so far.
  var state: HostState { client.state(of: self) }

  /// Whether a registry is behind both.
  func isSameRegistry(as other: Endpoint) -> Bool { base.hasSameOrigin(as: other.base) }

  func report(_ kind: RegistryEvent.Kind) { client.configuration.report(place, kind) }

  // MARK: Requests

  /// A request below the repository's address.
  func request(_ method: String, _ path: String) -> Request {
    var url = base.with(target: base.target + path)
    if let namespace { url = url.appendingQuery("ns", namespace) }
    return Request(method: method, url: url)
  }

  /// Sends a request, authenticates where the registry asks for it, and follows redirects.
  /// - Parameter mountSource: The repository that a blob is to be mounted from.
  func send(_ request: Request, mountSource: String? = nil) async throws -> Response {
    var request = request
    for _ in 0...5 {
      let response = try await sendAuthenticated(request, mountSource)
      guard response.isRedirect, request.isRepeatable,
        ["GET", "HEAD"].contains(request.method) || response.status >= 307, let location = response.header("Location")
      else { return response }
      await response.beginning()
      request.url = try resolve(location, in: request)
    }
    throw violation("redirects more than 5 times", request)
  }

  private func sendAuthenticated(_ request: Request, _ mountSource: String?) async throws -> Response {
    // Credentials are for the registry alone, never for where it sends us.
    guard request.url.hasSameOrigin(as: base) else { return try await client.transport.send(request) }
    let state = state
    try await state.waitForTurn()
    let access = Access(
      origin: base.origin, host: host, repository: name.isEmpty ? nil : name, actions: actions, mountSource: mountSource
    )
    let header = try await client.authorizer.header(for: access)
    let response = try await client.transport.send(request, authorization: header, host: host)
    state.note(response)
    guard response.status == 401 else { return response }
    let challenges = AuthChallenge.parse(response.allHeaders("WWW-Authenticate"))
    guard request.isRepeatable else {
      // A token that ended on the way: the body cannot be repeated here, the upload can.
      await client.authorizer.forget(header)
      return response
    }
    guard let answer = try await client.authorizer.answer(challenges, access, refused: header) else {
      return header == nil ? response : try await refused(response, access)
    }
    await response.beginning()
    let second = try await client.transport.send(request, authorization: answer, host: host)
    state.note(second)
    if second.status == 401 { return try await refused(second, access) }
    await client.authorizer.accept(access)
    return second
  }

  /// What we showed is refused: that is remembered, so that it is not shown again. (Not of a mount, where it may be about the
  /// other repository, nor of a deletion, to which pushing gives no right.)
  private func refused(_ response: Response, _ access: Access) async throws -> Response {
    guard access.mountSource == nil, response.request.method != "DELETE" else { return response }
    let failure = await failure(response, "authenticating").asError
    if let error = failure as? RegistryError { await client.authorizer.reject(access, error) }
    throw failure
  }

  /// Where a `Location` header of an answer points.
  func resolve(_ location: String?, in request: Request) throws -> RegistryURL {
    guard let location else { throw violation("gives no Location", request) }
    guard let url = request.url.resolving(location) else {
      throw violation("gives a Location that cannot be followed ('\(printable(location, limit: 200))')", request)
    }
    guard url.mayBeReached(from: base) else {
      throw violation("sends us to the private address \(url.authority)", request)
    }
    return url
  }

  /// Whose credentials we show, for messages.
  private var credentialsName: String? {
    get async {
      await client.authorizer.credentialsName(
        Access(origin: base.origin, host: host, repository: name.isEmpty ? nil : name, actions: actions))
    }
  }

  // MARK: Failures

  /// Runs an operation again, after a pause, while it fails with `Transient`.
  func retrying<Result>(_ what: String, _ operation: () async throws -> Result) async throws -> Result {
    var attempt = 1
    while true {
      do {
        return try await operation()
      } catch let failure as Transient {
        try await pause(after: failure, what, attempt: attempt)
        attempt += 1
      }
    }
  }

  /// Waits before another attempt.
  /// - Throws: The failure's error when this was the last.
  func pause(after failure: Transient, _ what: String, attempt: Int) async throws {
    guard attempt < client.configuration.maximumAttempts else { throw failure.error.adding(attempts: attempt) }
    let pause = RetryPolicy.delay(afterAttempt: attempt, retryAfter: failure.pause)
    report(.retrying(what: what, reason: failure.reason, attempt: attempt, pause: pause))
    try await Task.sleep(for: pause)
  }

  func failure(_ response: Response, _ what: String) async -> any Error {
    let name = response.status == 401 ? await credentialsName : nil
    return await response.failure("\(place): \(what)", credentials: name)
  }

  func violation(_ what: String, _ request: Request) -> RegistryError {
    RegistryError(
      .protocolViolation,
      "\(place): the registry \(what) in its answer to \(request.method) \(request.url.path), "
        + "which the distribution-spec does not allow; check that the host is a registry and no proxy changes its answers"
    )
  }
}

extension Response {
  var isRedirect: Bool { [301, 302, 303, 307, 308].contains(status) }
}

extension RegistryError {
  func adding(attempts: Int) -> RegistryError {
    RegistryError(code, "\(message) (attempts: \(attempts))", status: status, codes: registryCodes)
  }
}
