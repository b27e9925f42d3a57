internal import NIOCore
internal import NIOHTTP1
internal import OCICore
internal import Synchronization

extension RegistryServer {
  typealias Writer = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

  /// How much of a refused body is read, to keep the connection, rather than closing it.
  private static let drainLimit = 1 << 20
  /// How much more of it is read after the answer, for a client that does not stop at once.
  private static let lingerLimit: Int64 = 64 << 20

  /// How many requests are remembered.
  static let recordLimit = 100_000

  /// Answers the requests of one connection, one after the other.
  func serve(_ connection: Connection) async throws {
    try await connection.executeThenClose { parts, writer in
      let incoming = IncomingRequests(parts)
      while let head = try await incoming.nextHead() {
        guard try await serve(head, incoming, writer) else { break }
      }
    }
  }

  /// Answers one request; `false` when the connection must end after it.
  private func serve(_ head: HTTPRequestHead, _ incoming: IncomingRequests, _ writer: Writer) async throws -> Bool {
    if head.headers[canonicalForm: "Expect"].contains(where: { $0.lowercased() == "100-continue" }) {
      try await writer.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
    }
    let path = String(head.uri.prefix { $0 != "?" })
    var answer: ServerAnswer
    do {
      answer = try await self.answer(head, path, incoming)
    } catch {
      record(head, path, status: 0, await incoming.bodyBytes)
      throw error
    }
    if faults.usesAbsoluteLocations {
      for index in answer.headers.indices
      where answer.headers[index].name == "Location" && answer.headers[index].value.hasPrefix("/") {
        answer.headers[index].value = "\(scheme)://\(address)\(answer.headers[index].value)"
      }
    }
    record(head, path, status: answer.status, await incoming.bodyBytes)
    var keepsConnection = head.isKeepAlive
    if answer.status < 400 || Self.bodyLength(head) <= Self.drainLimit {
      while try await incoming.nextBlock() != nil {}
    }
    if await !incoming.isAtEnd { keepsConnection = false }
    try await write(answer, to: head, keepsConnection: keepsConnection, writer)
    // Closing with bytes unread would reset the connection, and the client might never see the answer.
    while await !incoming.isAtEnd, await incoming.bodyBytes < Self.lingerLimit, try await incoming.nextBlock() != nil {}
    return keepsConnection
  }

  private func record(_ head: HTTPRequestHead, _ path: String, status: Int, _ bodyBytes: Int64) {
    let request = RecordedRequest(
      method: head.method.rawValue, path: path, status: status, bodyBytes: bodyBytes,
      hasAuthorization: head.headers.contains(name: "Authorization"))
    state.withLock { if $0.requests.count < Self.recordLimit { $0.requests.append(request) } }
    onRequest(request)
  }

  /// How long a request's body is; the largest number where it does not say.
  private static func bodyLength(_ head: HTTPRequestHead) -> Int {
    if let length = head.headers.first(name: "Content-Length") { return Int(length) ?? .max }
    return head.headers.contains(name: "Transfer-Encoding") ? .max : 0
  }

  private func answer(
    _ head: HTTPRequestHead, _ path: String, _ incoming: IncomingRequests
  ) async throws -> ServerAnswer {
    let method = head.method.rawValue
    do {
      guard head.uri.utf8.count <= 8192 else { throw Refusal(414, "NAME_INVALID", "the path is too long") }
      if let answer = state.withLock({ $0.faults.takeAnswer(method, path) }) { return Self.answer(answer) }
      let fault = faults.decide?(method, path)
      if case .answer(let answer) = fault { return Self.answer(answer) }
      var answer = try await trueAnswer(head, path, incoming, fault)
      switch fault {
      case .cutAnswer(let bytes): answer.cut = bytes
      case .lyingDigest:
        for index in answer.headers.indices where answer.headers[index].name == "Docker-Content-Digest" {
          answer.headers[index].value = "sha256:" + String(repeating: "0", count: 64)
        }
      case .range(let range):
        answer.headers.removeAll { $0.name == "Range" }
        answer.headers.append(("Range", range))
      case .missingHeaders(let names): answer.headers.removeAll { names.contains($0.name) }
      case .upload, .drip, .answer, nil: break
      }
      return answer
    } catch let refusal as Refusal {
      return refusal.answer
    } catch let error as OCIError {
      return Refusal(error).answer
    }
  }

  private static func answer(_ answer: RegistryFaults.Answer) -> ServerAnswer {
    ServerAnswer(
      status: answer.status, headers: answer.headers.map { ($0.key, $0.value) }, body: .bytes(Array(answer.body.utf8)))
  }

  private func trueAnswer(
    _ head: HTTPRequestHead, _ path: String, _ incoming: IncomingRequests, _ fault: RegistryFaults.Fault?
  ) async throws -> ServerAnswer {
    let method = head.method.rawValue
    let manners = manners
    let route = try ServerRoute(path: path)
    if case .token = route { return try await token(head, incoming) }
    let scopes = try authenticate(head.headers.first(name: "Authorization"), route, method: method)
    var uploadFault: RegistryFaults.UploadFault?
    if case .upload(let given) = fault { uploadFault = given }
    if case .upload = route, method == "PUT", uploadFault == nil {
      uploadFault = state.withLock { state in
        state.blobPuts += 1
        return state.faults.uploads.flatMap { $0.numbers.contains(state.blobPuts) ? $0.fault : nil }
      }
    }
    await incoming.fail(by: uploadFault)
    if case .drip(let milliseconds) = fault { await incoming.drip(.milliseconds(milliseconds)) }
    if Self.bodyLength(head) == 0, let uploadFault, uploadFault != .answerLost { throw IncomingRequests.Dropped() }
    if let limit = manners.requestLimit, Self.bodyLength(head) > limit {
      return ServerAnswer(
        status: 413, headers: [("Content-Type", "text/html")],
        body: .bytes(Array("<html><head><title>413 Request Entity Too Large</title></head></html>".utf8)))
    }
    let query = head.uri.dropFirst(path.count + 1)
    var request = LayoutRegistry.Request(
      method: method, query: ServerRoute.query(query), headers: { head.headers.first(name: $0) }, body: incoming,
      manners: manners)
    request.tags = ServerRoute.parameters(query).filter { $0.0 == "tag" }.map(\.1)
    if let scopes {
      request.mayPull = { repository in scopes.contains { $0.hasPrefix("repository:\(repository):pull") } }
    }
    var answer = try await registry.answer(request, route)
    if uploadFault == .answerLost { throw IncomingRequests.Dropped() }
    if !manners.sendsDigests { answer.headers.removeAll { $0.name == "Docker-Content-Digest" } }
    return answer
  }

  private func write(
    _ answer: ServerAnswer, to request: HTTPRequestHead, keepsConnection: Bool, _ writer: Writer
  ) async throws {
    var headers = HTTPHeaders(answer.headers.map { ($0.name, $0.value) })
    headers.replaceOrAdd(name: "Docker-Distribution-API-Version", value: "registry/2.0")
    for (name, value) in manners.headers { headers.replaceOrAdd(name: name, value: value) }
    if !keepsConnection { headers.replaceOrAdd(name: "Connection", value: "close") }
    let length: Int64
    switch answer.body {
    case .bytes(let bytes): length = Int64(bytes.count)
    case .stream(_, let known): length = known
    }
    if answer.status != 204 { headers.replaceOrAdd(name: "Content-Length", value: "\(length)") }
    let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status), headers: headers)
    try await writer.write(.head(head))
    if request.method != .HEAD {
      switch answer.body {
      case .bytes(let bytes):
        if let cut = answer.cut, cut < bytes.count {
          try await writer.write(.body(.byteBuffer(ByteBuffer(bytes: bytes.prefix(cut)))))
          throw IncomingRequests.Dropped()
        }
        if !bytes.isEmpty { try await writer.write(.body(.byteBuffer(ByteBuffer(bytes: bytes)))) }
      case .stream(let stream, _):
        var rest = answer.cut ?? .max
        for try await chunk in stream {
          try await writer.write(.body(.byteBuffer(ByteBuffer(bytes: chunk.prefix(rest)))))
          guard chunk.count <= rest else { throw IncomingRequests.Dropped() }
          rest -= chunk.count
        }
      }
    }
    try await writer.write(.end(nil))
  }
}
