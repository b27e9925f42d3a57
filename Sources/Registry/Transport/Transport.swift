internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import OCICore
internal import Synchronization
internal import SystemPackage

/// Sends single requests: the only place that calls the HTTP library.
final class Transport: Sendable {
  private struct State {
    /// A client each proxy, and one without.
    var clients: [ProxySettings.Proxy?: HTTPClient] = [:]
    var tls: [String: TLSConfiguration] = [:]
    var isShutDown = false
  }

  let configuration: RegistryConfiguration
  private let state = Mutex(State())

  init(_ configuration: RegistryConfiguration) { self.configuration = configuration }

  func shutdown() async throws {
    let clients = state.withLock { state in
      defer { state.clients = [:] }
      state.isShutDown = true
      return Array(state.clients.values)
    }
    for client in clients { try await client.shutdown() }
  }

  /// Sends a request.
  /// - Parameter host: The registry as the user named it, by which its certificates are found.
  /// - Throws: `Transient` when there was no answer; the source's own error when the body could not be read.
  func send(_ request: Request, authorization: String? = nil, host: String? = nil) async throws -> Response {
    var http = HTTPClientRequest(url: request.url.description)
    http.method = HTTPMethod(rawValue: request.method)
    http.headers.add(name: "User-Agent", value: configuration.userAgent)
    // Compressed on the way, a manifest would have other bytes, and some registries get it wrong.
    http.headers.add(name: "Accept-Encoding", value: "identity")
    for header in request.headers { http.headers.add(name: header.name, value: header.value) }
    if let authorization { http.headers.add(name: "Authorization", value: authorization) }
    switch request.body {
    case .none: break
    case .bytes(let bytes): http.body = .bytes(ByteBuffer(bytes: bytes))
    case .upload(let body): http.body = .stream(body, length: body.length.map { .known($0) } ?? .unknown)
    }
    let answer: HTTPClientResponse
    do {
      let client = try client(for: request.url)
      if request.url.scheme == "https" { http.tlsConfiguration = try tls(for: host ?? request.url.authority) }
      let deadline =
        request.timeLimit.map { NIODeadline.now() + .nanoseconds(Int64($0 / .nanoseconds(1))) } ?? .distantFuture
      answer = try await execute(client, http, request.body, deadline)
    } catch {
      if case .upload(let body) = request.body, let failure = body.sourceFailure { throw failure }
      throw Self.translate(error, request)
    }
    configuration.report(
      request.url.authority,
      .request(method: request.method, path: request.url.path, status: Int(answer.status.code)))
    let reader = ResponseReader(answer.body, request)
    return Response(
      request, status: Int(answer.status.code), headers: answer.headers, body: ByteStream { try await reader.next() },
      maximumPause: configuration.maximumPause)
  }

  private func client(for url: RegistryURL) throws -> HTTPClient {
    let proxy = configuration.proxies.proxy(for: url)
    return try state.withLock { state in
      guard !state.isShutDown else { throw HTTPClientError.alreadyShutdown }
      if let client = state.clients[proxy] { return client }
      let client = makeClient(proxy)
      state.clients[proxy] = client
      return client
    }
  }

  private func makeClient(_ proxy: ProxySettings.Proxy?) -> HTTPClient {
    var settings = HTTPClient.Configuration()
    // Measured faster than HTTP/2 for uploads; and we follow redirects ourselves, to drop credentials on other hosts.
    settings.httpVersion = .http1Only
    settings.redirectConfiguration = .disallow
    let stall = TimeAmount.seconds(Int64(configuration.stallTimeout))
    // Its write timeout sees no registry that stops reading, and blames it for a slow source: see `execute`.
    settings.timeout = .init(connect: min(stall, .seconds(30)), read: stall)
    // Otherwise it would go on trying to connect for ever: how often is our retry policy's to say.
    settings.connectionPool.retryConnectionEstablishment = false
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.connectionsPerHost
    if let proxy {
      var authorization: HTTPClient.Authorization?
      if let credentials = proxy.credentials, case .password(let password) = credentials.secret {
        authorization = .basic(username: credentials.user, password: password)
      }
      settings.proxy = .server(host: proxy.host, port: proxy.port, authorization: authorization)
    }
    // The same event loops everywhere: the library's own choice is another on some systems, and ends the process there when it is
    // given certificates.
    return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: settings)
  }

  private func tls(for host: String) throws -> TLSConfiguration {
    if let known = state.withLock({ $0.tls[host] }) { return known }
    let made = try configuration.certificates.configuration(
      for: host, isVerified: !RegistryConfiguration.names(configuration.unverifiedHosts, host))
    state.withLock { $0.tls[host] = made }
    return made
  }

  private func execute(
    _ client: HTTPClient, _ http: HTTPClientRequest, _ body: Request.Body, _ deadline: NIODeadline
  ) async throws -> HTTPClientResponse {
    guard case .upload(let body) = body else { return try await client.execute(http, deadline: deadline) }
    return try await withThrowingTaskGroup(of: HTTPClientResponse.self) { group in
      group.addTask { try await client.execute(http, deadline: deadline) }
      group.addTask { try await body.failWhenStalled(for: .seconds(self.configuration.stallTimeout)) }
      defer { group.cancelAll() }
      guard let answer = try await group.next() else { throw CancellationError() }
      return answer
    }
  }
}

// MARK: Errors

extension Transport {
  /// What an error of the HTTP library means.
  static func translate(_ error: any Error, _ request: Request) -> any Error {
    if Task.isCancelled || error is CancellationError { return CancellationError() }
    if let error = error as? RegistryError { return error }
    let registry = "\(request.peer) \(request.url.authority)"
    let what = "\(request.method) \(request.url.path)"
    if let error = error as? HTTPParserError, error != .invalidEOFState {
      return RegistryError(
        .protocolViolation,
        "\(registry) answers \(what) with something that is not HTTP (\(error)); check the host, the port, and whether it speaks TLS"
      )
    }
    if isLoss(error) {
      return Transient(
        RegistryError(
          .connectionLost,
          "\(registry) closed the connection or stalled during \(what) (\(error)); check the network and try again"),
        reason: "connection lost")
    }
    let failure = RegistryError(
      .unreachable,
      "cannot reach \(registry) for \(what) by \(request.url.scheme.uppercased()) (\(reason(error))); "
        + "check the host, the port, the network, and whether it speaks TLS")
    // A certificate does not become right by asking again.
    return isCertificate(error) ? failure : Transient(failure, reason: "cannot connect")
  }

  /// System errors of a connection that breaks.
  private static let losses: Set<Errno> = [
    .brokenPipe, .connectionAbort, .connectionReset, .socketNotConnected, .timedOut,
  ]

  /// Whether there was a connection that broke, rather than none.
  private static func isLoss(_ error: any Error) -> Bool {
    switch error {
    case HTTPParserError.invalidEOFState: return true
    case let error as HTTPClientError:
      return [
        .remoteConnectionClosed, .readTimeout, .writeTimeout, .deadlineExceeded, .cancelled, .requestStreamCancelled,
      ].contains(error)
    case let error as IOError: return losses.contains(Errno(rawValue: error.errnoCode))
    case let error as ChannelError:
      if case .connectTimeout = error { return false }
      return true
    case let error as NIOSSLError:
      if case .uncleanShutdown = error { return true }
      return false
    default: return false
    }
  }

  private static func isCertificate(_ error: any Error) -> Bool {
    switch error {
    case NIOSSLError.handshakeFailed(.sslError(let errors)):
      return errors.contains { "\($0)".contains("CERTIFICATE") || "\($0)".contains("WRONG_VERSION") }
    case is NIOSSLExtraError: return true
    default: return false
    }
  }

  private static func reason(_ error: any Error) -> String {
    if isCertificate(error) { return "its certificate is not trusted, or it speaks no TLS: \(error)" }
    guard let error = error as? NIOConnectionError else { return "\(error)" }
    if let failure = error.connectionErrors.first { return "\(failure.error)" }
    return (error.dnsAError ?? error.dnsAAAAError).map { "the name does not resolve: \($0)" } ?? "\(error)"
  }
}

/// Reads an answer's body as the reader asks for it.
private actor ResponseReader {
  private var iterator: HTTPClientResponse.Body.AsyncIterator
  private let request: Request

  init(_ body: HTTPClientResponse.Body, _ request: Request) {
    iterator = body.makeAsyncIterator()
    self.request = request
  }

  func next() async throws -> [UInt8]? {
    var iterator = self.iterator
    defer { self.iterator = iterator }
    do {
      return try await iterator.next(isolation: self).map { Array(buffer: $0) }
    } catch {
      throw Transport.translate(error, request)
    }
  }
}
