/// Why the bytes of a layer could not be made.
///
/// Switch on `code`, which is stable; show `message`, which names the file and a remedy.
public struct TarballError: Error, Sendable, CustomStringConvertible {
  /// A stable reason, for programs.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    private enum Value: String, Hashable, CaseIterable {
      case unreadable, changed, unsupportedEntry, unrepresentable, reservedName, conflict, invalidRecipe
      case encodingNotHonoured, invalidArchive, damaged, limitExceeded, unsafePath, invalidListing
    }
    private let value: Value

    /// A source that is missing or that may not be read.
    public static let unreadable = Code(value: .unreadable)
    /// A file that was changed while it was read.
    public static let changed = Code(value: .changed)
    /// Something a layer cannot hold, such as a socket.
    public static let unsupportedEntry = Code(value: .unsupportedEntry)
    /// A value for which the tar format has no place.
    public static let unrepresentable = Code(value: .unrepresentable)
    /// A name that begins with `.wh.`, which layers use for deletions (image-spec, layer.md §whiteouts).
    public static let reservedName = Code(value: .reservedName)
    /// Two sources that put different things at one path.
    public static let conflict = Code(value: .conflict)
    /// A recipe that makes no sense, such as a destination with `..` in it.
    public static let invalidRecipe = Code(value: .invalidRecipe)
    /// A compression library that does not give the bytes the encoding promises.
    public static let encodingNotHonoured = Code(value: .encodingNotHonoured)
    /// An archive that is damaged, cut short, or in no known format.
    public static let invalidArchive = Code(value: .invalidArchive)
    /// An archive of a store path that is not what was announced.
    public static let damaged = Code(value: .damaged)
    /// An archive that goes beyond what its reader allows.
    public static let limitExceeded = Code(value: .limitExceeded)
    /// A name that could lead out of the place where it belongs.
    public static let unsafePath = Code(value: .unsafePath)
    /// Text that is no mtree file.
    public static let invalidListing = Code(value: .invalidListing)

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
