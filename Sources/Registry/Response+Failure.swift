internal import OCICore

extension Response {
  /// What a status that is no success means: `Transient` where another attempt may help, else a `RegistryError`.
  /// - Parameter what: What was attempted, e.g. `opening an upload of sha256:…`.
  func failure(_ what: String, hasCredentials: Bool) async -> any Error {
    let (codes, text) = Self.explanation(await beginning())
    let answer = "registry \(request.url.authority) answers \(status)" + (text.isEmpty ? "" : " (\(text))")
    func error(_ code: RegistryError.Code, _ remedy: String) -> RegistryError {
      RegistryError(code, "\(what): \(answer) to \(request.method) \(request.url.path); \(remedy)")
    }
    let wait = RetryPolicy.retryAfter(header("Retry-After"), date: header("Date"))
    switch status {
    case 401 where !hasCredentials:
      return error(.unauthorized, "log in to the registry, or name credentials for it in DOCKER_AUTH_CONFIG")
    case 401: return error(.unauthorized, "check the user name and password or token")
    case 403: return error(.unauthorized, "ask for the right to do this in the repository")
    case 404 where codes.isDisjoint(with: RetryPolicy.errorCodes):
      return error(.notFound, "check the repository's name and the tag or digest")
    case 408, 429, 500...599:
      let failure = error(.unavailable, "wait and try again, or ask the registry's operator")
      return RetryPolicy.statuses.contains(status) ? Transient(error: failure, retryAfter: wait) : failure
    case 400...499:
      let failure = error(.rejected, "the registry gives the reason; it will not help to try again unchanged")
      return codes.isDisjoint(with: RetryPolicy.errorCodes) ? failure : Transient(error: failure, retryAfter: wait)
    default:
      return error(.protocolViolation, "the distribution-spec does not allow this; is it a registry?")
    }
  }

  /// The codes, and a short text, of an error's body: `{"errors":[{"code":…,"message":…}]}`, or anything else.
  static func explanation(_ body: [UInt8]) -> (codes: Set<String>, text: String) {
    if let errors = try? JSON(parsing: body).objectValue?["errors"]?.arrayValue {
      let fields = errors.compactMap(\.objectValue)
      let texts = fields.map { error in
        [error["code"], error["message"]].compactMap { $0?.stringValue }.joined(separator: ": ")
      }
      return (Set(fields.compactMap { $0["code"]?.stringValue }), shortened(texts.joined(separator: "; ")))
    }
    return ([], shortened(String(decoding: body, as: UTF8.self)))
  }

  /// One line of printable text, at most 300 characters: it goes to a terminal, and a registry is not to be trusted.
  private static func shortened(_ text: String) -> String {
    let words = text.split {
      $0.isWhitespace || $0.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
    let line = words.joined(separator: " ")
    return line.count > 300 ? line.prefix(300) + "…" : line
  }
}
