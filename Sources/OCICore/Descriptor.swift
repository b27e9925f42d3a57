/// A typed pointer to content: media type, digest and size (image-spec, descriptor.md).
public struct Descriptor: Sendable, Hashable {
  /// The type of the content.
  public var mediaType: MediaType
  /// The digest of the content's bytes.
  public var digest: Digest
  /// The content's length in bytes; 0 where the document that was read has none, see `hasSize`.
  public var size: Int64 { didSet { hasSize = true } }
  /// Whether the size is known. Some tools leave out the sizes of base layers; setting `size` mends it.
  public private(set) var hasSize = true
  /// Where else the content can be had.
  public var urls: [String]
  /// Facts about the content, for people and tools.
  public var annotations: [String: String]
  /// The content itself, where it is so short that it stands in the descriptor.
  public var data: [UInt8]?
  /// What the content runs on, in an index.
  public var platform: Platform?
  /// What kind of artifact a manifest is, in an index.
  public var artifactType: MediaType?
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates a descriptor.
  public init(
    mediaType: MediaType, digest: Digest, size: Int64, urls: [String] = [], annotations: [String: String] = [:],
    data: [UInt8]? = nil, platform: Platform? = nil, artifactType: MediaType? = nil
  ) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.urls = urls
    self.annotations = annotations
    self.data = data
    self.platform = platform
    self.artifactType = artifactType
  }

  /// Describes bytes at hand.
  public init(mediaType: MediaType, describing bytes: [UInt8]) {
    self.init(mediaType: mediaType, digest: .of(bytes), size: Int64(bytes.count))
  }

  /// Describes the two bytes `{}` and holds them (image-spec, manifest.md §Guidance for an Empty Descriptor).
  public static let empty = Descriptor(
    mediaType: .empty, digest: .of(Array("{}".utf8)), size: 2, data: Array("{}".utf8))

  /// Checks that bytes are the described content.
  /// - Throws: `OCIError`: `sizeMismatch`, `digestMismatch` or `unsupportedAlgorithm`.
  public func verify(_ bytes: [UInt8]) throws(OCIError) {
    guard !hasSize || Int64(bytes.count) == size else {
      throw OCIError(.sizeMismatch, "the content of blob \(digest) has \(bytes.count) bytes instead of \(size)")
    }
    guard try digest.isDigest(of: bytes) else {
      throw OCIError(
        .digestMismatch, "the content of blob \(digest) has digest \(Digest.of(bytes)): it is damaged or was changed")
    }
  }
}

extension Descriptor: CustomStringConvertible {
  /// Digest, media type and size, for messages and logs.
  public var description: String { "\(digest) (\(mediaType), \(hasSize ? "\(size) bytes" : "size unknown"))" }
}

// MARK: JSON

extension Descriptor {
  /// Reads a descriptor. Only media type and digest must be there.
  /// - Parameters:
  ///   - json: An object.
  ///   - path: What the value is called in messages, e.g. `manifest.config`.
  /// - Throws: `OCIError.Code.invalidDocument`.
  public init(_ json: JSON, path: String) throws(OCIError) {
    try self.init(json, path: FieldPath(path))
  }

  init(_ json: JSON, path: FieldPath) throws(OCIError) {
    var fields = try FieldReader(json, path: path)
    mediaType = try fields.required("mediaType") { (reader, name) throws(OCIError) in try reader.mediaType(name) }
    digest = try fields.required("digest") { (reader, name) throws(OCIError) in try reader.digest(name) }
    let size = try fields.integer("size")
    self.size = size ?? 0
    guard self.size >= 0 else { throw fields.error("size", "must not be negative") }
    urls = try fields.strings("urls") ?? []
    annotations = try fields.stringMap("annotations") ?? [:]
    data = try fields.base64("data")
    platform = nil
    if let value = try fields.value("platform") { platform = try Platform(value, path: path.appending("platform")) }
    artifactType = try fields.mediaType("artifactType")
    other = fields.remainder
    hasSize = size != nil
  }

  /// The descriptor as JSON, in the spec's member order.
  public var json: JSON {
    var object = JSON.Object()
    object.append("mediaType", .string(mediaType.text))
    object.append("digest", .string(digest.description))
    if hasSize { object.append("size", .integer(size)) }
    object.append("urls", unlessEmpty: .strings(urls))
    object.append("annotations", unlessEmpty: .strings(annotations))
    if let data { object.append("data", .string(Base64.encode(data))) }
    if let platform { object.append("platform", platform.json) }
    if let artifactType { object.append("artifactType", .string(artifactType.text)) }
    object.merge(other)
    return .object(object)
  }
}
