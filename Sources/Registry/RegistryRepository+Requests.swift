internal import OCICore

extension RegistryRepository {
  /// A request below the repository's address.
  func request(_ method: String, _ path: String) -> Request {
    Request(
      method: method,
      url: RegistryURL(scheme: base.scheme, authority: base.authority, target: base.target + path))
  }

  /// Sends a request, authenticates where the registry asks for it, and follows redirects.
  func send(_ request: Request) async throws -> Response {
    var request = request
    for _ in 0...5 {
      let response = try await sendAuthenticated(request)
      guard (301...308).contains(response.status), response.status != 304, isRepeatable(request, response.status),
        let location = response.header("Location")
      else { return response }
      _ = await response.beginning()
      request.url = try resolve(location, in: request)
    }
    throw violation("redirects more than 5 times", request)
  }

  private func isRepeatable(_ request: Request, _ status: Int) -> Bool {
    if case .blob = request.body { return false }
    return request.method == "GET" || request.method == "HEAD" || status >= 307
  }

  private func sendAuthenticated(_ request: Request) async throws -> Response {
    // Credentials are for the registry alone, never for where it sends us.
    guard request.url.hasSameOrigin(as: base) else { return try await client.transport.send(request) }
    let authorization = await client.authorizer.header(for: base)
    let response = try await client.transport.send(request, authorization: authorization)
    guard response.status == 401 else { return response }
    if case .blob = request.body {
      // A token that ended on the way: the body cannot be repeated here, the whole upload can.
      await client.authorizer.forget(authorization, for: base)
      return response
    }
    let answer = try await client.authorizer.answer(
      AuthChallenge.parse(response.allHeaders("WWW-Authenticate")), at: base, of: name, rejected: authorization,
      credentials: credentials)
    guard let answer, answer != authorization else { return response }
    _ = await response.beginning()
    return try await client.transport.send(request, authorization: answer)
  }

  private var credentials: Credentials? { client.configuration.credentials(host, name) }

  /// Where a `Location` header of an answer points.
  func resolve(_ location: String?, in request: Request) throws -> RegistryURL {
    guard let location else { throw violation("gives no Location", request) }
    guard let url = request.url.resolving(location) else {
      throw violation("gives a Location that cannot be followed ('\(location.prefix(200))')", request)
    }
    return url
  }

  /// Runs an operation again, after a pause, while it fails with `Transient`.
  func retrying<Result>(_ operation: () async throws -> Result) async throws -> Result {
    var attempt = 1
    while true {
      do {
        return try await operation()
      } catch let failure as Transient {
        guard attempt < client.configuration.maximumAttempts else {
          throw RegistryError(failure.error.code, "\(failure.error.message) (attempts: \(attempt))")
        }
        try await Task.sleep(for: RetryPolicy.delay(afterAttempt: attempt, retryAfter: failure.retryAfter))
        attempt += 1
      }
    }
  }

  func failure(_ response: Response, _ what: String) async -> any Error {
    await response.failure("\(host)/\(name): \(what)", hasCredentials: credentials != nil)
  }

  func violation(_ what: String, _ request: Request) -> RegistryError {
    RegistryError(
      .protocolViolation,
      "\(host)/\(name): the registry \(what) in its answer to \(request.method) \(request.url.path), "
        + "which the distribution-spec does not allow; check that the host is a registry and no proxy changes its answers"
    )
  }
}
