/// Something that a document or a layout has wrong, or does unusually.
public struct Finding: Sendable, Hashable, CustomStringConvertible {
  /// How bad it is.
  public enum Severity: String, Sendable, Hashable {
    /// A rule (MUST) of a spec is broken.
    case error
    /// Advice (SHOULD) of a spec is not followed, or other tools are known to mind.
    case warning
  }

  /// A stable reason, for programs.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The reason's name.
    public let name: String

    /// Creates a reason; for checks of your own.
    public init(_ name: String) { self.name = name }

    /// A member that must be there is not.
    public static let missing = Code("missing")
    /// A value outside the spec's grammar or range.
    public static let invalidValue = Code("invalidValue")
    /// A value that is allowed and that other tools may not know.
    public static let unknownValue = Code("unknownValue")
    /// A value that the spec advises against.
    public static let deprecated = Code("deprecated")
    /// Two values that must agree do not.
    public static let mismatch = Code("mismatch")
    /// Content that is not what its descriptor says.
    public static let damaged = Code("damaged")
    /// Content that nothing refers to.
    public static let unreferenced = Code("unreferenced")
    /// Content that could not be read.
    public static let unreadable = Code("unreadable")
    /// More than readers need accept.
    public static let limitExceeded = Code("limitExceeded")

    /// The reason's name.
    public var description: String { name }
  }

  /// How bad it is.
  public var severity: Severity
  /// The stable reason.
  public var code: Code
  /// Which document it is in: empty for a document that was checked alone, in a layout the way to it through the tree, e.g.
  /// `index.json/manifests[0]/config`.
  public var location: String
  /// The value's place in the document, as JSONPath (RFC 9535), e.g. `$.layers[2].digest`; `$` is the whole.
  public var path: String
  /// What is wrong, and the remedy where there is one.
  public var message: String
  /// The part of a spec that says so, e.g. `image-spec descriptor.md §Properties`.
  public var section: String

  /// Creates a finding.
  public init(
    _ severity: Severity, _ code: Code, location: String = "", path: String = "$", message: String, section: String
  ) {
    self.severity = severity
    self.code = code
    self.location = location
    self.path = path
    self.message = message
    self.section = section
  }

  /// `error: index.json/manifests[0] $.layers[2].size: is missing (image-spec descriptor.md §Properties)`.
  public var description: String {
    let place = [location, path == "$" && !location.isEmpty ? "" : path].filter { !$0.isEmpty }.joined(separator: " ")
    return "\(severity.rawValue): \(place): \(message) (\(section))"
  }
}

extension Collection<Finding> {
  /// Those that break a rule.
  public var errors: [Finding] { filter { $0.severity == .error } }
}
