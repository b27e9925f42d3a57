internal import OCICore

/// A request for `Transport`.
struct Request: Sendable {
  enum Body: Sendable {
    case none
    case bytes([UInt8])
    /// Sent once: who wants to send it again makes another.
    case upload(UploadBody)
  }

  var method: String
  var url: RegistryURL
  var headers: [(name: String, value: String)] = []
  var body = Body.none
  /// What is at the other end, for messages.
  var peer = "registry"
  /// How long it may take in all; without it only a stall ends it.
  var timeLimit: Duration?

  /// Whether it can be sent again as it is.
  var isRepeatable: Bool {
    if case .upload = body { return false }
    return true
  }
}

/// A failure that another attempt may not meet.
struct Transient: Error {
  let error: RegistryError
  /// A short reason, for events.
  var reason: String
  /// What the registry asks for, already limited and waited for by the host's gate.
  var pause: Duration?

  init(_ error: RegistryError, reason: String? = nil, pause: Duration? = nil) {
    self.error = error
    self.reason = reason ?? error.code.description
    self.pause = pause
  }
}

extension Error {
  /// The error to show where it is not tried again.
  var asError: any Error { (self as? Transient)?.error ?? self }
}

/// One line of printable text, at most 300 characters: it goes to a terminal, and a registry is not to be trusted.
func printable(_ text: String, limit: Int = 300) -> String {
  let words = text.prefix(limit * 8).split {
    $0.isWhitespace
      || $0.unicodeScalars.contains {
        [.control, .format, .surrogate, .privateUse].contains($0.properties.generalCategory)
      }
  }
  let line = words.joined(separator: " ")
  return line.count > limit ? line.prefix(limit) + "…" : line
}
