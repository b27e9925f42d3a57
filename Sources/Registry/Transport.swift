internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import OCICore
internal import SystemPackage

/// A request for `Transport`.
struct Request: Sendable {
  enum Body: Sendable {
    case none
    case bytes([UInt8])
    case blob(UploadBody)
  }

  var method: String
  var url: RegistryURL
  var headers: [(name: String, value: String)] = []
  var body = Body.none
  /// How long it may take in all; without it only a stall ends it.
  var timeLimit: Duration?
}

/// What a registry answers. The body must be read or drained, so that the connection can serve the next request.
struct Response: Sendable {
  let request: Request
  let status: Int
  let body: ByteStream
  fileprivate let headers: HTTPHeaders

  /// The first header of a name.
  func header(_ name: String) -> String? { headers.first(name: name) }

  /// All the headers of a name.
  func allHeaders(_ name: String) -> [String] { headers[name] }

  /// Reads the body's beginning and gives up the rest.
  func beginning(upTo limit: Int = 64 << 10) async -> [UInt8] {
    var bytes: [UInt8] = []
    do {
      for try await chunk in body {
        bytes += chunk.prefix(limit - bytes.count)
        if bytes.count == limit { break }
      }
    } catch {
      // An error's text is a courtesy: what has come must do.
    }
    return bytes
  }
}

/// A failure that another attempt may not meet.
struct Transient: Error {
  let error: RegistryError
  var retryAfter: Duration?
}

/// Sends single requests: the only place that calls the HTTP library.
struct Transport: Sendable {
  let client: HTTPClient
  let configuration: RegistryConfiguration

  init(_ configuration: RegistryConfiguration) {
    self.configuration = configuration
    var settings = HTTPClient.Configuration()
    // Measured faster than HTTP/2 for uploads; and we follow redirects ourselves, to drop credentials on other hosts.
    settings.httpVersion = .http1Only
    settings.redirectConfiguration = .disallow
    let stall = TimeAmount.seconds(Int64(configuration.stallTimeout))
    // Its write timeout sees no registry that stops reading, and blames it for a slow source: see `execute`.
    settings.timeout = .init(connect: min(stall, .seconds(30)), read: stall)
    // Otherwise it would go on trying to connect for ever: how often is our retry policy's to say.
    settings.connectionPool.retryConnectionEstablishment = false
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
  }

  /// Sends a request.
  /// - Throws: `Transient` when there was no answer; the source's own error when the body could not be read.
  func send(_ request: Request, authorization: String? = nil) async throws -> Response {
    var http = HTTPClientRequest(url: request.url.description)
    http.method = HTTPMethod(rawValue: request.method)
    http.headers.add(name: "User-Agent", value: configuration.userAgent)
    for header in request.headers { http.headers.add(name: header.name, value: header.value) }
    if let authorization { http.headers.add(name: "Authorization", value: authorization) }
    switch request.body {
    case .none: break
    case .bytes(let bytes): http.body = .bytes(ByteBuffer(bytes: bytes))
    case .blob(let body): http.body = .stream(body, length: .known(body.descriptor.size))
    }
    let answer: HTTPClientResponse
    do {
      let deadline =
        request.timeLimit.map { NIODeadline.now() + .nanoseconds(Int64($0 / .nanoseconds(1))) } ?? .distantFuture
      answer = try await execute(http, request.body, deadline)
    } catch {
      if case .blob(let body) = request.body, let failure = body.sourceFailure { throw failure }
      throw Self.translate(error, request)
    }
    configuration.onRequest?(request.method, request.url.path, Int(answer.status.code))
    let reader = ResponseReader(answer.body, request)
    return Response(
      request: request, status: Int(answer.status.code), body: ByteStream { try await reader.next() },
      headers: answer.headers)
  }

  private func execute(
    _ http: HTTPClientRequest, _ body: Request.Body, _ deadline: NIODeadline
  ) async throws -> HTTPClientResponse {
    guard case .blob(let body) = body else { return try await client.execute(http, deadline: deadline) }
    return try await withThrowingTaskGroup(of: HTTPClientResponse.self) { group in
      group.addTask { try await client.execute(http, deadline: deadline) }
      group.addTask { try await body.failWhenStalled(for: .seconds(configuration.stallTimeout)) }
      defer { group.cancelAll() }
      guard let answer = try await group.next() else { throw CancellationError() }
      return answer
    }
  }

  /// What an error of the HTTP library means.
  static func translate(_ error: any Error, _ request: Request) -> any Error {
    if Task.isCancelled || error is CancellationError { return CancellationError() }
    let registry = "registry \(request.url.authority)"
    let what = "\(request.method) \(request.url.path)"
    if error is HTTPParserError {
      return RegistryError(
        .protocolViolation,
        "\(registry) answers \(what) with something that is not HTTP (\(error)); check the host, the port, and whether it speaks TLS"
      )
    }
    if isLoss(error) {
      return Transient(
        error: RegistryError(
          .connectionLost,
          "\(registry) closed the connection or stalled during \(what) (\(error)); check the network and try again"))
    }
    return Transient(
      error: RegistryError(
        .unreachable,
        "cannot reach \(registry) for \(what) by \(request.url.scheme.uppercased()) (\(reason(error))); "
          + "check the host, the port, the network, and whether it speaks TLS"))
  }

  /// System errors of a connection that breaks.
  private static let losses: Set<Errno> = [
    .brokenPipe, .connectionAbort, .connectionReset, .socketNotConnected, .timedOut,
  ]

  /// Whether there was a connection that broke, rather than none.
  private static func isLoss(_ error: any Error) -> Bool {
    switch error {
    case let error as HTTPClientError:
      return [
        .remoteConnectionClosed, .readTimeout, .writeTimeout, .deadlineExceeded, .cancelled, .requestStreamCancelled,
      ].contains(error)
    case let error as IOError: return losses.contains(Errno(rawValue: error.errnoCode))
    case let error as ChannelError:
      if case .connectTimeout = error { return false }
      return true
    default: return false
    }
  }

  private static func reason(_ error: any Error) -> String {
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
      let failure = Transport.translate(error, request)
      throw (failure as? Transient)?.error ?? failure
    }
  }
}
