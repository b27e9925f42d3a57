/// The `oci-layout` file that makes a directory an image layout (image-spec, image-layout.md §oci-layout file).
public struct ImageLayoutMarker: Sendable, Hashable {
  /// The layout's version; 1.0.0 is the only one.
  public var imageLayoutVersion: String
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates the marker of a layout as the image-spec has it.
  public init() { imageLayoutVersion = Self.knownVersion }

  /// The name of the file.
  public static let fileName = "oci-layout"
  /// The version of the image-spec.
  public static let knownVersion = "1.0.0"
}

extension ImageLayoutMarker: ImageDocument {
  /// Far more than the file ever has.
  public static let sizeLimit = 1 << 16

  /// The type of the file.
  public var mediaType: MediaType { .layoutHeader }

  /// Reads the marker.
  /// - Throws: `OCIError.Code.invalidDocument`, naming the field.
  public init(_ json: JSON) throws(OCIError) {
    var fields = try FieldReader(json, path: "layout")
    guard let version = try fields.string("imageLayoutVersion") else {
      throw fields.error("imageLayoutVersion", "is missing; it must be \"\(Self.knownVersion)\"")
    }
    imageLayoutVersion = version
    other = fields.remainder
  }

  /// The marker as JSON.
  public var json: JSON {
    var object = JSON.Object()
    object.append("imageLayoutVersion", .string(imageLayoutVersion))
    object.merge(other)
    return .object(object)
  }

  /// Whether the version is a known one.
  public func validate() -> [Finding] {
    guard imageLayoutVersion != Self.knownVersion else { return [] }
    var inspection = Inspection("image-layout.md")
    inspection.error(
      .unknownValue, "$.imageLayoutVersion",
      "the layout has version '\(excerpt(imageLayoutVersion))', but only \(Self.knownVersion) is known; name another directory",
      "oci-layout file")
    return inspection.findings
  }
}
