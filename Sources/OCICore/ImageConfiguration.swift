/// An image configuration: how to run the image and what its layers are (image-spec, config.md).
public struct ImageConfiguration: Sendable, Hashable {
  /// When the image was made, RFC 3339.
  public var created: String?
  /// Who made it.
  public var author: String?
  /// What it runs on.
  public var platform: Platform
  /// How a container is started.
  public var runtime: RuntimeConfiguration
  /// The digests of the uncompressed layers, from the bottom up.
  public var diffIDs: [Digest]
  /// What made each layer.
  public var history: [History]
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// One step of an image's history.
  public struct History: Sendable, Hashable {
    /// When, RFC 3339.
    public var created: String?
    /// By what command.
    public var createdBy: String?
    /// A remark.
    public var comment: String?
    /// Whether the step made no layer.
    public var emptyLayer: Bool
    /// Members this type has no name for, kept as they are.
    public var other = JSON.Object()

    /// Creates a step.
    public init(
      created: String? = nil, createdBy: String? = nil, comment: String? = nil, emptyLayer: Bool = false
    ) {
      self.created = created
      self.createdBy = createdBy
      self.comment = comment
      self.emptyLayer = emptyLayer
    }
  }

  /// Creates a configuration.
  public init(
    platform: Platform, runtime: RuntimeConfiguration = .init(), diffIDs: [Digest] = [], history: [History] = [],
    created: String? = nil, author: String? = nil
  ) {
    self.created = created
    self.author = author
    self.platform = platform
    self.runtime = runtime
    self.diffIDs = diffIDs
    self.history = history
  }

  /// Parses a configuration.
  /// - Throws: `OCIError`: `invalidJSON`, or `invalidDocument` naming the field.
  public init(parsing bytes: [UInt8]) throws(OCIError) {
    var fields = try FieldReader(try JSON(parsing: bytes), path: "config")
    created = try fields.string("created")
    author = try fields.string("author")
    platform = Platform(
      architecture: try fields.required("architecture") { (reader, name) throws(OCIError) in try reader.string(name) },
      os: try fields.required("os") { (reader, name) throws(OCIError) in try reader.string(name) },
      variant: try fields.string("variant"))
    runtime = RuntimeConfiguration()
    if let value = fields.value("config") { runtime = try RuntimeConfiguration(value, path: "config.config") }
    var rootFS = try FieldReader(
      try fields.required("rootfs") { (reader, name) in reader.value(name) }, path: "config.rootfs")
    guard try rootFS.string("type") == "layers" else { throw rootFS.error("type", "must be \"layers\"") }
    diffIDs = []
    for (index, text) in (try rootFS.strings("diff_ids") ?? []).enumerated() {
      do { diffIDs.append(try Digest(text)) } catch {
        throw rootFS.error("diff_ids[\(index)]", "is wrong: \(error.message)")
      }
    }
    history = []
    for (index, value) in (try fields.list("history") ?? []).enumerated() {
      history.append(try History(value, path: "config.history[\(index)]"))
    }
    other = fields.remainder
  }

  /// The canonical bytes: fixed member order, no spaces.
  public var canonicalBytes: [UInt8] {
    var object = JSON.Object()
    object.set("created", created.map(JSON.string))
    object.set("author", author.map(JSON.string))
    object["architecture"] = .string(platform.architecture)
    object["os"] = .string(platform.os)
    object.set("variant", platform.variant.map(JSON.string))
    object.merge(platform.other)
    object["config"] = runtime.json
    var rootFS = JSON.Object()
    rootFS["type"] = .string("layers")
    rootFS["diff_ids"] = .strings(diffIDs.map(\.description))
    object["rootfs"] = .object(rootFS)
    object.set("history", .array(history.map(\.json)))
    object.merge(other)
    return JSON.object(object).canonicalBytes
  }
}

extension ImageConfiguration.History {
  init(_ json: JSON, path: String) throws(OCIError) {
    var fields = try FieldReader(json, path: path)
    created = try fields.string("created")
    createdBy = try fields.string("created_by")
    comment = try fields.string("comment")
    emptyLayer = try fields.bool("empty_layer") ?? false
    other = fields.remainder
  }

  var json: JSON {
    var object = JSON.Object()
    object.set("created", created.map(JSON.string))
    object.set("created_by", createdBy.map(JSON.string))
    object.set("comment", comment.map(JSON.string))
    if emptyLayer { object["empty_layer"] = .bool(true) }
    object.merge(other)
    return .object(object)
  }
}
