/// An image manifest: a config and an ordered list of layers (image-spec, manifest.md).
public struct ImageManifest: Sendable, Hashable {
  /// The manifest's own media type.
  public var mediaType: MediaType
  /// The configuration blob.
  public var config: Descriptor
  /// The layers, from the bottom up.
  public var layers: [Descriptor]
  /// Facts about the image.
  public var annotations: [String: String]
  /// Members this type has no name for (`subject`, `artifactType`, …), kept as they are.
  public var other = JSON.Object()

  /// Creates an OCI manifest.
  public init(config: Descriptor, layers: [Descriptor], annotations: [String: String] = [:]) {
    self.mediaType = .imageManifest
    self.config = config
    self.layers = layers
    self.annotations = annotations
  }

  /// Parses a manifest.
  /// - Throws: `OCIError`: `invalidJSON`, or `invalidDocument` naming the field.
  public init(parsing bytes: [UInt8]) throws(OCIError) {
    var fields = try FieldReader(try JSON(parsing: bytes), path: "manifest")
    guard try fields.integer("schemaVersion") == 2 else { throw fields.error("schemaVersion", "must be 2") }
    mediaType = try fields.mediaType("mediaType") ?? .imageManifest
    let config = try fields.required("config") { (reader, name) in reader.value(name) }
    self.config = try Descriptor(config, path: "manifest.config")
    layers = []
    let list = try fields.required("layers") { (reader, name) throws(OCIError) in try reader.list(name) }
    for (index, layer) in list.enumerated() {
      layers.append(try Descriptor(layer, path: "manifest.layers[\(index)]"))
    }
    annotations = try fields.stringMap("annotations") ?? [:]
    other = fields.remainder
  }

  /// The canonical bytes: fixed member order, no spaces.
  public var canonicalBytes: [UInt8] {
    var object = JSON.Object()
    object["schemaVersion"] = .integer(2)
    object["mediaType"] = .string(mediaType.text)
    object["config"] = config.json
    object["layers"] = .array(layers.map(\.json))
    object.set("annotations", .strings(annotations))
    object.merge(other)
    return JSON.object(object).canonicalBytes
  }
}
