/// What can be wrong with an OCI value, a document or a content store.
///
/// Switch on `code`, which is stable; show `message`, which names the thing at fault and ends with a remedy where there
/// is one.
public struct OCIError: Error, Sendable, CustomStringConvertible {
  /// A stable reason, for programs.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    private enum Value: String, Hashable, CaseIterable {
      case invalidDigest, invalidReference, invalidPlatform, invalidMediaType, invalidJSON, invalidDocument
      case platformMismatch, limitExceeded, unsupportedAlgorithm
      case digestMismatch, sizeMismatch, notFound, ioFailure, unsafePath, busy, alreadyConsumed
    }
    private let value: Value

    /// A digest outside the image-spec's grammar.
    public static let invalidDigest = Code(value: .invalidDigest)
    /// An image reference, repository or tag outside the distribution-spec grammar.
    public static let invalidReference = Code(value: .invalidReference)
    /// A platform that is not `os/architecture`.
    public static let invalidPlatform = Code(value: .invalidPlatform)
    /// A media type that is not `type/subtype`.
    public static let invalidMediaType = Code(value: .invalidMediaType)
    /// Text that is not JSON (RFC 8259).
    public static let invalidJSON = Code(value: .invalidJSON)
    /// JSON that breaks a rule of the image-spec.
    public static let invalidDocument = Code(value: .invalidDocument)
    /// Two images that should become one and are for different platforms.
    public static let platformMismatch = Code(value: .platformMismatch)
    /// A document that is larger or more deeply nested than readers accept.
    public static let limitExceeded = Code(value: .limitExceeded)
    /// A digest whose algorithm cannot be computed here, so that content cannot be verified.
    public static let unsupportedAlgorithm = Code(value: .unsupportedAlgorithm)
    /// Content whose digest is not the one announced.
    public static let digestMismatch = Code(value: .digestMismatch)
    /// Content whose length is not the one announced.
    public static let sizeMismatch = Code(value: .sizeMismatch)
    /// A blob, manifest or tag that the store does not have.
    public static let notFound = Code(value: .notFound)
    /// A system call that failed.
    public static let ioFailure = Code(value: .ioFailure)
    /// A symbolic link, pipe or device where a file or directory of a layout should be.
    public static let unsafePath = Code(value: .unsafePath)
    /// A store that another writer holds.
    public static let busy = Code(value: .busy)
    /// A stream that two tasks read at once.
    public static let alreadyConsumed = Code(value: .alreadyConsumed)

    /// The reason's name.
    public var description: String { value.rawValue }

    /// Every reason, for the test that each is explained to users.
    package static var all: [Code] { Value.allCases.map { Code(value: $0) } }
  }

  /// The stable reason.
  public let code: Code
  /// What happened, to what, and what to do about it.
  public let message: String

  /// Creates an error.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
