/// How a `RegistryServer` misbehaves, for tests of clients.
public struct RegistryFaults: Sendable {
  /// What happens to an upload.
  public enum UploadFault: Sendable, Hashable {
    /// The connection is closed once the body has given so many bytes.
    case dropAfter(bytes: Int)
    /// Nothing more is read once the body has given so many bytes.
    case stallAfter(bytes: Int)
    /// The blob is taken, and the connection closed in place of an answer.
    case answerLost
  }

  /// An answer given in place of the true one.
  public struct Answer: Sendable {
    /// The requests' method; `nil` for any.
    public var method: String?
    /// A part of the requests' path.
    public var path: String
    /// The answer's status.
    public var status: Int
    /// The answer's headers, e.g. `Retry-After`.
    public var headers: [String: String]
    /// The answer's body.
    public var body: String
    /// How many requests still get it.
    public var times: Int

    /// Creates an answer.
    public init(
      method: String? = nil, path: String, status: Int, headers: [String: String] = [:], body: String = "",
      times: Int = 1
    ) {
      self.method = method
      self.path = path
      self.status = status
      self.headers = headers
      self.body = body
      self.times = times
    }
  }

  /// What a client must prove.
  public enum Authentication: Sendable, Hashable {
    /// A name and a password with each request.
    case basic(Credentials)
    /// A token, which the server's own `/token` gives for a name and a password.
    case bearer(Credentials)
  }

  /// What happens to the blob PUTs with these numbers, the first being 1.
  public var uploads: (numbers: ClosedRange<Int>, fault: UploadFault)?
  /// Answers in place of the true ones; the first that matches is given.
  public var answers: [Answer] = []
  /// Whether `Location` headers name scheme and host.
  public var usesAbsoluteLocations = false
  /// What a client must prove.
  public var authentication: Authentication?

  /// Creates faults: none.
  public init() {}

  /// Uses up the answer for a request, if there is one.
  mutating func takeAnswer(_ method: String, _ path: String) -> Answer? {
    let index = answers.firstIndex {
      $0.times > 0 && ($0.method == nil || $0.method == method) && path.contains($0.path)
    }
    guard let index else { return nil }
    answers[index].times -= 1
    return answers[index]
  }
}
