/// An image index: a list of manifests (image-spec, image-index.md); also the `index.json` of an image layout.
public struct ImageIndex: Sendable, Hashable {
  /// The annotation that names a manifest inside an image layout.
  public static let referenceName = "org.opencontainers.image.ref.name"

  /// The index's own media type.
  public var mediaType: MediaType
  /// The manifests.
  public var manifests: [Descriptor]
  /// Facts about the whole.
  public var annotations: [String: String]
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates an OCI index.
  public init(manifests: [Descriptor] = [], annotations: [String: String] = [:]) {
    self.mediaType = .imageIndex
    self.manifests = manifests
    self.annotations = annotations
  }

  /// Parses an index.
  /// - Throws: `OCIError`: `invalidJSON`, or `invalidDocument` naming the field.
  public init(parsing bytes: [UInt8]) throws(OCIError) {
    var fields = try FieldReader(try JSON(parsing: bytes), path: "index")
    guard try fields.integer("schemaVersion") == 2 else { throw fields.error("schemaVersion", "must be 2") }
    mediaType = try fields.mediaType("mediaType") ?? .imageIndex
    manifests = []
    for (index, manifest) in (try fields.list("manifests") ?? []).enumerated() {
      manifests.append(try Descriptor(manifest, path: "index.manifests[\(index)]"))
    }
    annotations = try fields.stringMap("annotations") ?? [:]
    other = fields.remainder
  }

  /// The canonical bytes: fixed member order, no spaces.
  public var canonicalBytes: [UInt8] {
    var object = JSON.Object()
    object["schemaVersion"] = .integer(2)
    object["mediaType"] = .string(mediaType.text)
    object["manifests"] = .array(manifests.map(\.json))
    object.set("annotations", .strings(annotations))
    object.merge(other)
    return JSON.object(object).canonicalBytes
  }
}
