/// A typed pointer to content: media type, digest and size (image-spec, descriptor.md).
public struct Descriptor: Sendable, Hashable {
  /// The type of the content.
  public var mediaType: MediaType
  /// The digest of the content's bytes.
  public var digest: Digest
  /// The content's length in bytes.
  public var size: Int64
  /// Facts about the content, for people and tools.
  public var annotations: [String: String]
  /// What the content runs on, in an index.
  public var platform: Platform?
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates a descriptor.
  public init(
    mediaType: MediaType, digest: Digest, size: Int64, annotations: [String: String] = [:], platform: Platform? = nil
  ) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.annotations = annotations
    self.platform = platform
  }

  /// Describes bytes at hand.
  public init(mediaType: MediaType, describing bytes: [UInt8]) {
    self.init(mediaType: mediaType, digest: .of(bytes), size: Int64(bytes.count))
  }

  /// Reads a descriptor.
  /// - Parameter path: What the value is called in messages, e.g. `manifest.config`.
  /// - Throws: `OCIError.Code.invalidDocument`.
  public init(_ json: JSON, path: String) throws(OCIError) {
    var fields = try FieldReader(json, path: path)
    mediaType = try fields.required("mediaType") { (reader, name) throws(OCIError) in try reader.mediaType(name) }
    digest = try fields.required("digest") { (reader, name) throws(OCIError) in try reader.digest(name) }
    size = try fields.required("size") { (reader, name) throws(OCIError) in try reader.integer(name) }
    guard size >= 0 else { throw fields.error("size", "must not be negative") }
    annotations = try fields.stringMap("annotations") ?? [:]
    platform = nil
    if let value = fields.value("platform") { platform = try Platform(value, path: "\(path).platform") }
    other = fields.remainder
  }

  /// The descriptor as JSON, in the spec's member order.
  public var json: JSON {
    var object = JSON.Object()
    object["mediaType"] = .string(mediaType.text)
    object["digest"] = .string(digest.description)
    object["size"] = .integer(size)
    object.set("annotations", .strings(annotations))
    object.set("platform", platform?.json)
    object.merge(other)
    return .object(object)
  }
}
