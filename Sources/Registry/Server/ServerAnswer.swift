internal import OCICore

/// What a `RegistryServer` answers.
struct ServerAnswer: Sendable {
  enum Body: Sendable {
    case bytes([UInt8])
    case stream(ByteStream, length: Int64)
  }

  var status: Int
  var headers: [(name: String, value: String)] = []
  var body = Body.bytes([])
  /// After how many bytes of the body the connection is closed, for a fault.
  var cut: Int?

  static func json(_ value: JSON, status: Int = 200) -> ServerAnswer {
    ServerAnswer(status: status, headers: [("Content-Type", "application/json")], body: .bytes(value.canonicalBytes))
  }
}

/// A request that is refused, with an error code of the distribution-spec.
struct Refusal: Error {
  let status: Int
  let code: String
  let message: String
  var headers: [(name: String, value: String)] = []

  init(_ status: Int, _ code: String, _ message: String, headers: [(name: String, value: String)] = []) {
    self.status = status
    self.code = code
    self.message = message
    self.headers = headers
  }

  /// What an error of the layout means to a client.
  init(_ error: OCIError) {
    switch error.code {
    case .invalidDigest, .digestMismatch, .sizeMismatch, .unsupportedAlgorithm:
      self.init(400, "DIGEST_INVALID", error.message)
    case .invalidReference: self.init(400, "NAME_INVALID", error.message)
    case .invalidJSON, .invalidDocument, .invalidMediaType, .limitExceeded:
      self.init(400, "MANIFEST_INVALID", error.message)
    case .notFound: self.init(404, "BLOB_UNKNOWN", error.message)
    default: self.init(500, "UNKNOWN", error.message)
    }
  }

  var answer: ServerAnswer {
    var error = JSON.Object()
    error["code"] = .string(code)
    error["message"] = .string(message)
    var body = JSON.Object()
    body["errors"] = .array([.object(error)])
    var answer = ServerAnswer.json(.object(body), status: status)
    answer.headers += headers
    return answer
  }
}
