internal import OCICore

extension Response {
  /// What a status that is no success means: `Transient` where another attempt may help, else a `RegistryError`.
  /// - Parameters:
  ///   - what: What was attempted and where, e.g. `r.io/app: opening an upload of sha256:…`.
  ///   - credentials: Whose credentials were shown, if any.
  func failure(_ what: String, credentials: String?) async -> any Error {
    let (body, isCut) = await self.text()
    let (codes, text) = Self.explanation(body)
    let answer = "registry \(request.url.authority) answers \(status)" + (text.isEmpty ? "" : " (\(text))")
    func error(_ code: RegistryError.Code, _ remedy: String) -> RegistryError {
      RegistryError(
        code, "\(what): \(answer) to \(request.method) \(request.url.path); \(remedy)", status: status, codes: codes)
    }
    let pause = retryAfter?.wait
    // An answer that comes in the middle of a body may be lost with the connection, all but its status. Asked again, the
    // registry gives its reason.
    if isCut, body.isEmpty, !request.isRepeatable, (400...499).contains(status), status != 401, status != 413 {
      let failure = error(.rejected, "its reason was lost with the connection")
      return Transient(failure, reason: "status \(status), the reason was lost")
    }
    switch status {
    case 401:
      guard let credentials else {
        return error(
          .unauthorized, "log in to the registry (flywheel login), or name credentials for it in DOCKER_AUTH_CONFIG")
      }
      return error(.unauthorized, "\(credentials) were refused: check the user name and the password or token")
    case 403 where codes.isDisjoint(with: RetryPolicy.throttleCodes):
      return error(.unauthorized, "ask for the right to do this in the repository")
    case 404 where codes.isDisjoint(with: RetryPolicy.errorCodes):
      return error(.notFound, "check the repository's name and the tag or digest")
    case 403, 408, 429, 500...599:
      let failure = error(.unavailable, "wait and try again, or ask the registry's operator")
      let isTransient = RetryPolicy.statuses.contains(status) || status == 403
      return isTransient ? Transient(failure, reason: "status \(status)", pause: pause) : failure
    case 400...499:
      let failure = error(.rejected, "the registry gives the reason; it will not help to try again unchanged")
      let isTransient = !codes.isDisjoint(with: RetryPolicy.errorCodes)
      return isTransient ? Transient(failure, reason: codes.sorted().joined(separator: ", "), pause: pause) : failure
    default:
      return error(.protocolViolation, "the distribution-spec does not allow this; is it a registry?")
    }
  }

  /// The codes, and a short text, of an error's body: `{"errors":[{"code":…,"message":…}]}`, or anything else.
  static func explanation(_ body: [UInt8]) -> (codes: Set<String>, text: String) {
    let json = try? JSON(parsing: body).objectValue
    if let errors = json?["errors"]?.arrayValue {
      let fields = errors.prefix(16).compactMap(\.objectValue)
      let texts = fields.map { error in
        [error["code"], error["message"]].compactMap { $0?.stringValue }.joined(separator: ": ")
      }
      return (Set(fields.compactMap { $0["code"]?.stringValue }), printable(texts.joined(separator: "; ")))
    }
    // Token servers and proxies have other shapes.
    if let text = [json?["error_description"], json?["details"], json?["message"], json?["error"]].lazy.compactMap({
      $0?.stringValue
    }).first {
      return ([], printable(text))
    }
    return ([], printable(withoutMarkup(String(decoding: body, as: UTF8.self))))
  }

  /// The text of a page: what a proxy in front of a registry answers with.
  private static func withoutMarkup(_ text: String) -> String {
    let start = text.prefix(64).lowercased()
    guard start.contains("<html") || start.contains("<!doctype") || start.contains("<?xml") else { return text }
    var result = ""
    var isInside = false
    for character in text.prefix(8192) {
      switch character {
      case "<": isInside = true
      case ">":
        isInside = false
        result.append(" ")
      default: if !isInside { result.append(character) }
      }
    }
    return result
  }
}
