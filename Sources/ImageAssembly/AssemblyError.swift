/// Why an image cannot be assembled.
///
/// Switch on `code`, which is stable; show `message`, which names the file, the field or the store path and a remedy.
public struct AssemblyError: Error, Sendable, CustomStringConvertible {
  /// A stable reason, for programs.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    private enum Value: String, Hashable, CaseIterable {
      case invalidClosure, cyclicClosure, incompleteClosure, storePathMissing, invalidSettings, contentChanged
      case fileUnreadable, invalidPlan, invalidHistory
      case nixUnavailable, invalidBinaryCache, untrustedStorePath, invalidDescription, unsupportedDescription,
        invalidProject, invalidSource
    }
    private let value: Value

    /// A closure document that is broken, or contradicts itself.
    public static let invalidClosure = Code(value: .invalidClosure)
    /// A closure in which paths refer to each other in a circle.
    public static let cyclicClosure = Code(value: .cyclicClosure)
    /// A closure that lacks a path to which one of its paths refers.
    public static let incompleteClosure = Code(value: .incompleteClosure)
    /// A store path of the closure that is not on this machine, or may not be read.
    public static let storePathMissing = Code(value: .storePathMissing)
    /// A closure, configuration, plan or history file that is missing or may not be read.
    public static let fileUnreadable = Code(value: .fileUnreadable)
    /// A plan document that is broken.
    public static let invalidPlan = Code(value: .invalidPlan)
    /// A history file that is broken.
    public static let invalidHistory = Code(value: .invalidHistory)
    /// A configuration file or setting that is wrong.
    public static let invalidSettings = Code(value: .invalidSettings)
    /// Content that is not what it was when its digest was computed.
    public static let contentChanged = Code(value: .contentChanged)
    /// A Nix that is not installed or that refuses.
    public static let nixUnavailable = Code(value: .nixUnavailable)

    /// A binary cache whose answers are broken, or that is named in a way that makes no sense.
    public static let invalidBinaryCache = Code(value: .invalidBinaryCache)
    /// A store path of a binary cache that no trusted key has signed.
    public static let untrustedStorePath = Code(value: .untrustedStorePath)

    /// An image description that is broken, or contradicts itself.
    public static let invalidDescription = Code(value: .invalidDescription)
    /// An image description that asks for something that this version cannot do.
    public static let unsupportedDescription = Code(value: .unsupportedDescription)
    /// A project file that is broken.
    public static let invalidProject = Code(value: .invalidProject)
    /// A description of files that makes no sense.
    public static let invalidSource = Code(value: .invalidSource)

    /// The reason's name.
    public var description: String { value.rawValue }

    /// Every reason, for the test that each is explained to users.
    package static var all: [Code] { Value.allCases.map { Code(value: $0) } }
  }

  /// The stable reason.
  public let code: Code
  /// What is wrong, where, and what to do about it.
  public let message: String

  /// Creates an error.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
