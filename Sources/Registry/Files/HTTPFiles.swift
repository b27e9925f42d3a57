public import OCICore

/// Files on a web server below one address, such as those of a binary cache. They are fetched through a client's
/// connections, with its certificates, proxies and patience; nothing of the distribution protocol is spoken.
public struct HTTPFiles: Sendable {
  /// The address, as it was given.
  public let address: String
  let base: RegistryURL
  let client: RegistryClient
  let credentials: Credentials?

  /// Creates a value; nothing is asked yet.
  /// - Parameters:
  ///   - address: `http://HOST/PATH` or `https://HOST/PATH`, without a user and a query.
  ///   - client: Whose connections, certificates and proxies are used.
  ///   - credentials: Who we are there: a name and a password.
  /// - Throws: `RegistryError.Code.invalidConfiguration` for anything else.
  public init(_ address: String, client: RegistryClient, credentials: Credentials? = nil) throws(RegistryError) {
    guard let url = RegistryURL(address), !url.target.contains("?") else {
      throw RegistryError(
        .invalidConfiguration,
        "'\(printable(address))' must be http://HOST/PATH or https://HOST/PATH; credentials belong into a netrc file")
    }
    self.address = address
    self.client = client
    self.credentials = credentials
    base = url.target.hasSuffix("/") ? url : url.with(target: url.target + "/")
  }

  /// The address's host, without a port.
  public var host: String { String(base.host) }

  /// A file; `nil` where there is none, or where nobody is told whether there is (403). A connection that breaks off is
  /// opened again where it was.
  /// - Parameter path: The path below the address, as it goes on the wire.
  /// - Throws: `RegistryError`: `unreachable`, `connectionLost`, `unavailable`, `unauthorized`, `rejected`.
  public func get(_ path: String) async throws -> ByteStream? {
    let download = HTTPDownload(self, path)
    guard try await download.open() else { return nil }
    return ByteStream { try await download.next() }
  }
}

/// Reads one file, and reads on where a connection broke off (`Range`, RFC 9110 §14).
private actor HTTPDownload {
  private let files: HTTPFiles
  private let path: String
  private var body: ByteStream.AsyncIterator?
  private var position: Int64 = 0
  /// What a server sends again that ignores the range.
  private var superfluous: Int64 = 0
  private var attempt = 1

  init(_ files: HTTPFiles, _ path: String) {
    self.files = files
    self.path = path
  }

  private var place: String { "\(files.base)\(path)" }
  private var configuration: RegistryConfiguration { files.client.configuration }

  /// Opens the connection; `false` where there is no such file.
  func open() async throws -> Bool {
    while true {
      do { return try await request() } catch let failure as Transient { try await pause(failure) }
    }
  }

  func next() async throws -> [UInt8]? {
    while true {
      do {
        guard let body else {
          guard try await request() else {
            throw RegistryError(.notFound, "\(place): it is not there any more; run again")
          }
          continue
        }
        guard let chunk = try await body.next() else { return nil }
        let skipped = min(superfluous, Int64(chunk.count))
        superfluous -= skipped
        guard skipped < chunk.count else { continue }
        position += Int64(chunk.count) - skipped
        // Attempts are counted from the last progress.
        attempt = 1
        return skipped == 0 ? chunk : Array(chunk.dropFirst(Int(skipped)))
      } catch let failure as Transient {
        body = nil
        try await pause(failure)
      }
    }
  }

  private func pause(_ failure: Transient) async throws {
    guard attempt < configuration.maximumAttempts else { throw failure.error.adding(attempts: attempt) }
    let pause = RetryPolicy.delay(afterAttempt: attempt, retryAfter: failure.pause)
    configuration.report(
      files.base.authority,
      .retrying(what: "fetching \(path)", reason: failure.reason, attempt: attempt, pause: pause))
    try await Task.sleep(for: pause)
    attempt += 1
  }

  private func request() async throws -> Bool {
    var request = Request(method: "GET", url: files.base.with(target: files.base.target + path))
    request.peer = "server"
    if position > 0 { request.headers.append(("Range", "bytes=\(position)-")) }
    let response = try await send(request)
    switch response.status {
    case 200: superfluous = position
    case 206:
      guard response.header("Content-Range").flatMap(BlobDownload.start) == position else {
        throw error(.protocolViolation, response, "it gives other bytes than those that it was asked for")
      }
      superfluous = 0
    case 403, 404, 410:
      await response.beginning()
      return false
    case 401:
      await response.beginning()
      throw error(
        .unauthorized, response,
        files.credentials.map { "\($0) were refused: check them" } ?? "name credentials for it in a netrc file")
    case let status where RetryPolicy.statuses.contains(status):
      await response.beginning()
      throw Transient(
        error(.unavailable, response, "wait and try again, or ask its operator"), reason: "status \(status)",
        pause: response.retryAfter?.wait)
    default:
      await response.beginning()
      throw error(.rejected, response, "check the address; is it a binary cache?")
    }
    body = response.body.makeAsyncIterator()
    return true
  }

  /// Sends a request and follows redirects. Credentials are for the server alone, never for where it sends us.
  private func send(_ request: Request) async throws -> Response {
    var request = request
    for _ in 0...5 {
      let isOwn = request.url.hasSameOrigin(as: files.base)
      let response = try await files.client.transport.send(
        request, authorization: isOwn ? files.credentials?.basicAuthorization : nil,
        host: isOwn ? files.base.authority : nil)
      guard response.isRedirect else { return response }
      guard let url = response.header("Location").flatMap(request.url.resolving), url.mayBeReached(from: files.base)
      else { throw error(.protocolViolation, response, "it sends us where nobody can follow") }
      await response.beginning()
      request.url = url
    }
    throw RegistryError(.protocolViolation, "\(place): the server redirects more than 5 times; check the address")
  }

  private func error(_ code: RegistryError.Code, _ response: Response, _ remedy: String) -> RegistryError {
    RegistryError(
      code, "\(place): the server answers \(response.status); \(remedy)", status: response.status, codes: [])
  }
}
