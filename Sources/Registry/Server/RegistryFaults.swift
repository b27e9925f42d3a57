/// How a `RegistryServer` fails, for tests of clients.
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

  /// What happens to one request.
  public enum Fault: Sendable {
    /// As an upload may fail; a request without a body is dropped at once.
    case upload(UploadFault)
    /// Another answer is given, and nothing done.
    case answer(Answer)
    /// The answer's body is cut off after so many bytes, and the connection closed.
    case cutAnswer(afterBytes: Int)
    /// The body is read and answered slowly: so many milliseconds for each block of 64 KiB.
    case drip(milliseconds: Int)
    /// The true answer, with another `Docker-Content-Digest`.
    case lyingDigest
    /// The true answer, with another `Range`.
    case range(String)
    /// The true answer, without these headers.
    case missingHeaders([String])
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
    /// A token, which the server's own `/token` gives for a name and a password, or for an identity token.
    case bearer(Credentials)
    /// A token, which `/token` gives to anybody.
    case anonymousBearer
  }

  /// How the token server behaves.
  public struct TokenServer: Sendable, Hashable {
    /// What it calls the token.
    public var fields = ["token"]
    /// What it says about the token's life, in seconds; `nil` for nothing.
    public var expiresIn: Int64? = 300
    /// How many requests a token is good for.
    public var uses: Int?
    /// Refuses questions that name more than one repository.
    public var refusesSecondScope = false
    /// The methods that it does not know, which get this status.
    public var unknownMethods: [String: Int] = [:]

    /// The usual ways.
    public init() {}
  }

  /// What happens to the blob PUTs with these numbers, the first being 1.
  public var uploads: (numbers: ClosedRange<Int>, fault: UploadFault)?
  /// Answers in place of the true ones; the first that matches is given.
  public var answers: [Answer] = []
  /// Decides about each request, with its method and path; asked after `answers`.
  public var decide: (@Sendable (_ method: String, _ path: String) -> Fault?)?
  /// Whether `Location` headers name scheme and host.
  public var usesAbsoluteLocations = false
  /// What a client must prove.
  public var authentication: Authentication?
  /// How the token server behaves.
  public var tokenServer = TokenServer()

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
