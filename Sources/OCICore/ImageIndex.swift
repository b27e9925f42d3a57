/// An image index: a list of manifests (image-spec, image-index.md); also the `index.json` of an image layout, and Docker's
/// manifest list, which has the same shape.
public struct ImageIndex: Sendable, Hashable {
  /// The index's own media type.
  public var mediaType: MediaType
  /// What kind of artifact this is, where it is no image.
  public var artifactType: MediaType?
  /// The manifests.
  public var manifests: [Descriptor]
  /// The manifest that this index is about. The subject need not be there.
  public var subject: Descriptor?
  /// Facts about the whole.
  public var annotations: [String: String]
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates an index.
  public init(
    mediaType: MediaType = .imageIndex, artifactType: MediaType? = nil, manifests: [Descriptor] = [],
    subject: Descriptor? = nil, annotations: [String: String] = [:]
  ) {
    self.mediaType = mediaType
    self.artifactType = artifactType
    self.manifests = manifests
    self.subject = subject
    self.annotations = annotations
  }
}

extension ImageIndex {
  /// The first manifest with a name, in the index of an image layout.
  public func manifest(named name: String) -> Descriptor? {
    manifests.first { $0.annotations[AnnotationKey.referenceName] == name }
  }
}

extension ImageIndex: ImageDocument {
  /// What registries need accept (distribution-spec, §Pushing Manifests).
  public static let sizeLimit = 4 << 20

  /// Reads an index. `manifests` may be absent or null, as some tools write an index without entries.
  /// - Throws: `OCIError.Code.invalidDocument`, naming the field.
  public init(_ json: JSON) throws(OCIError) {
    var fields = try FieldReader(json, path: "index")
    try fields.requireSchemaVersion2()
    mediaType = try fields.mediaType("mediaType") ?? .imageIndex
    artifactType = try fields.mediaType("artifactType")
    manifests = try fields.descriptors("manifests", in: "index")
    subject = try fields.optionalDescriptor("subject", in: "index")
    annotations = try fields.stringMap("annotations") ?? [:]
    // One text must not be an image to one tool and a list of other images to another (CVE-2021-41190).
    for field in ["config", "layers"] where fields.contains(field) {
      throw fields.error(field, "stands beside manifests, so this is no index")
    }
    other = fields.remainder
  }

  /// The index as JSON, in the spec's member order.
  public var json: JSON {
    var object = JSON.Object()
    object.append("schemaVersion", .integer(2))
    object.append("mediaType", .string(mediaType.text))
    if let artifactType { object.append("artifactType", .string(artifactType.text)) }
    object.append("manifests", .array(manifests.map(\.json)))
    if let subject { object.append("subject", subject.json) }
    object.append("annotations", unlessEmpty: .strings(annotations))
    object.merge(other)
    return .object(object)
  }
}
