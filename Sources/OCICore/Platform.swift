/// What an image runs on (image-spec, image-index.md §platform object).
public struct Platform: Sendable, Hashable, CustomStringConvertible {
  /// The processor, by Go's names, e.g. `amd64`.
  public var architecture: String
  /// The operating system, by Go's names, e.g. `linux`.
  public var os: String
  /// The processor's variant, e.g. `v8`.
  public var variant: String?
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates a platform.
  public init(architecture: String, os: String = "linux", variant: String? = nil) {
    self.architecture = architecture
    self.os = os
    self.variant = variant
  }

  /// `os/architecture`, with `/variant` where there is one.
  public var description: String { "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "") }

  init(_ json: JSON, path: String) throws(OCIError) {
    var fields = try FieldReader(json, path: path)
    architecture = try fields.required("architecture") { (reader, name) throws(OCIError) in try reader.string(name) }
    os = try fields.required("os") { (reader, name) throws(OCIError) in try reader.string(name) }
    variant = try fields.string("variant")
    other = fields.remainder
  }

  var json: JSON {
    var object = JSON.Object()
    object["architecture"] = .string(architecture)
    object["os"] = .string(os)
    object.set("variant", variant.map(JSON.string))
    object.merge(other)
    return .object(object)
  }
}
