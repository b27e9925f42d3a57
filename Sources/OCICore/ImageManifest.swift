/// An image manifest: a config and an ordered list of layers, or an artifact in that form (image-spec, manifest.md); also
/// Docker's manifest of schema 2, which has the same shape.
public struct ImageManifest: Sendable, Hashable {
  /// The manifest's own media type.
  public var mediaType: MediaType
  /// What kind of artifact this is, where it is no image.
  public var artifactType: MediaType?
  /// The configuration blob.
  public var config: Descriptor
  /// The layers, from the bottom up.
  public var layers: [Descriptor]
  /// The manifest that this one is about: a signature's image, say. The subject need not be there.
  public var subject: Descriptor?
  /// Facts about the image.
  public var annotations: [String: String]
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates a manifest.
  public init(
    mediaType: MediaType = .imageManifest, artifactType: MediaType? = nil, config: Descriptor, layers: [Descriptor],
    subject: Descriptor? = nil, annotations: [String: String] = [:]
  ) {
    self.mediaType = mediaType
    self.artifactType = artifactType
    self.config = config
    self.layers = layers
    self.subject = subject
    self.annotations = annotations
  }

  /// What the manifest needs beside itself: the config, then the layers. The subject is not needed.
  public var blobs: [Descriptor] { [config] + layers }

  /// What kind of artifact this is: `artifactType`, else the type of the config, as the referrers API has it
  /// (distribution-spec, §Listing Referrers).
  public var effectiveArtifactType: MediaType { artifactType ?? config.mediaType }
}

extension ImageManifest: ImageDocument {
  /// What registries need accept (distribution-spec, §Pushing Manifests).
  public static let sizeLimit = 4 << 20

  /// Reads a manifest. `layers` may be absent or null, as some tools write an image without layers.
  /// - Throws: `OCIError.Code.invalidDocument`, naming the field.
  public init(_ json: JSON) throws(OCIError) {
    var fields = try FieldReader(json, path: "manifest")
    try fields.requireSchemaVersion2()
    mediaType = try fields.mediaType("mediaType") ?? .imageManifest
    artifactType = try fields.mediaType("artifactType")
    config = try fields.descriptor("config", in: "manifest")
    layers = try fields.descriptors("layers", in: "manifest")
    subject = try fields.optionalDescriptor("subject", in: "manifest")
    annotations = try fields.stringMap("annotations") ?? [:]
    // One text must not be an image to one tool and a list of other images to another (CVE-2021-41190).
    if fields.contains("manifests") { throw fields.error("manifests", "stands beside config, so this is no manifest") }
    other = fields.remainder
  }

  /// The manifest as JSON, in the spec's member order.
  public var json: JSON {
    var object = JSON.Object()
    object.append("schemaVersion", .integer(2))
    object.append("mediaType", .string(mediaType.text))
    if let artifactType { object.append("artifactType", .string(artifactType.text)) }
    object.append("config", config.json)
    object.append("layers", .array(layers.map(\.json)))
    if let subject { object.append("subject", subject.json) }
    object.append("annotations", unlessEmpty: .strings(annotations))
    object.merge(other)
    return .object(object)
  }
}
