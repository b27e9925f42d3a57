/// What an image runs on (image-spec, image-index.md §Image Index Property Descriptions, `platform`).
public struct Platform: Sendable, Hashable {
  /// The processor, by Go's names, e.g. `amd64`.
  public var architecture: String
  /// The operating system, by Go's names, e.g. `linux`.
  public var os: String
  /// The version of the operating system, e.g. `10.0.14393.1066`.
  public var osVersion: String?
  /// What the operating system must have, e.g. `win32k`.
  public var osFeatures: [String]
  /// The processor's variant, e.g. `v8`.
  public var variant: String?
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates a platform.
  public init(
    architecture: String, os: String = "linux", variant: String? = nil, osVersion: String? = nil,
    osFeatures: [String] = []
  ) {
    self.architecture = architecture
    self.os = os
    self.variant = variant
    self.osVersion = osVersion
    self.osFeatures = osFeatures
  }

  /// Reads a platform. A missing `os` or `architecture` is the empty text, as other tools read it.
  init(_ json: JSON, path: FieldPath) throws(OCIError) {
    var fields = try FieldReader(json, path: path)
    try self.init(from: &fields)
    other = fields.remainder
  }

  init(from fields: inout FieldReader) throws(OCIError) {
    architecture = try fields.string("architecture") ?? ""
    os = try fields.string("os") ?? ""
    osVersion = try fields.string("os.version")
    osFeatures = try fields.strings("os.features") ?? []
    variant = try fields.string("variant")
  }

  var json: JSON {
    var object = members
    object.merge(other)
    return .object(object)
  }

  /// The members that have a name here, which stand in a platform object and in an image configuration alike.
  var members: JSON.Object {
    var object = JSON.Object()
    object.append("architecture", .string(architecture))
    object.append("os", .string(os))
    if let osVersion { object.append("os.version", .string(osVersion)) }
    object.append("os.features", unlessEmpty: .strings(osFeatures))
    if let variant { object.append("variant", .string(variant)) }
    return object
  }
}

// MARK: Text

extension Platform: CustomStringConvertible {
  /// Parses `OS/ARCHITECTURE[/VARIANT]`, e.g. `linux/arm64/v8`, or `OS(VERSION)/ARCHITECTURE`, e.g.
  /// `windows(10.0.17763)/amd64`. The values are taken as they are; see `normalized`.
  /// - Throws: `OCIError.Code.invalidPlatform`.
  public init(_ text: String) throws(OCIError) {
    func invalid(_ why: String) -> OCIError {
      OCIError(
        .invalidPlatform,
        "'\(excerpt(text))' is not a platform: \(why); expected OS/ARCHITECTURE[/VARIANT], e.g. linux/arm64")
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard (2...3).contains(parts.count) else { throw invalid("it has \(parts.count) parts") }
    var os = parts[0][...]
    var version: String?
    if let open = os.firstIndex(of: "("), os.last == ")" {
      version = String(os[os.index(after: open)...].dropLast())
      os = os[..<open]
    }
    for part in [String(os), version].compactMap(\.self) + parts.dropFirst() {
      guard !part.isEmpty, part.utf8.allSatisfy({ isAlphanumeric($0) || Self.punctuation.contains($0) }) else {
        throw invalid("'\(excerpt(part))' is none of letters, digits, '_', '.' and '-'")
      }
    }
    self.init(
      architecture: parts[1], os: String(os), variant: parts.count == 3 ? parts[2] : nil, osVersion: version)
  }

  /// `os/architecture`, with `(version)` and `/variant` where there are any.
  public var description: String {
    os + (osVersion.map { "(\($0))" } ?? "") + "/\(architecture)" + (variant.map { "/\($0)" } ?? "")
  }

  private static let punctuation = Array("_.-".utf8)
}
