internal import NIOHTTP1
internal import OCICore

/// What a registry answers. The body must be read or drained, so that the connection can serve the next request.
struct Response: Sendable {
  let request: Request
  let status: Int
  let body: ByteStream
  private let headers: HTTPHeaders
  /// The longest pause that is obeyed.
  private let maximumPause: Duration

  init(_ request: Request, status: Int, headers: HTTPHeaders, body: ByteStream, maximumPause: Duration) {
    self.request = request
    self.status = status
    self.headers = headers
    self.body = body
    self.maximumPause = maximumPause
  }

  var isSuccess: Bool { (200...299).contains(status) }

  /// The first header of a name.
  func header(_ name: String) -> String? { headers.first(name: name) }

  /// All the headers of a name.
  func allHeaders(_ name: String) -> [String] { headers[name] }

  /// The pause that the registry asks for, and what of it we obey.
  var retryAfter: (asked: Duration, wait: Duration)? {
    guard let asked = RetryPolicy.retryAfter(header("Retry-After"), date: header("Date")) else { return nil }
    return (asked, min(asked, maximumPause))
  }

  /// Reads the body's beginning and gives up the rest.
  @discardableResult
  func beginning(upTo limit: Int = 64 << 10) async -> [UInt8] { await text(upTo: limit).bytes }

  /// Reads the body's beginning and gives up the rest; tells whether something of it was lost with the connection.
  func text(upTo limit: Int = 64 << 10) async -> (bytes: [UInt8], isCut: Bool) {
    var bytes: [UInt8] = []
    do {
      for try await chunk in body {
        bytes += chunk.prefix(limit - bytes.count)
        if bytes.count == limit { break }
      }
    } catch {
      // An error's text is a courtesy: what has come must do.
      return (bytes, true)
    }
    return (bytes, false)
  }
}
