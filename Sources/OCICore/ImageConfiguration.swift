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
  /// What the layers are.
  public var rootFS: RootFS
  /// What made each layer.
  public var history: [History]
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates a configuration.
  public init(
    platform: Platform, runtime: RuntimeConfiguration = .init(), diffIDs: [Digest] = [], history: [History] = [],
    created: String? = nil, author: String? = nil
  ) {
    self.created = created
    self.author = author
    self.platform = platform
    self.runtime = runtime
    self.rootFS = RootFS(diffIDs: diffIDs)
    self.history = history
  }

  /// The digests of the uncompressed layers, from the bottom up.
  public var diffIDs: [Digest] {
    get { rootFS.diffIDs }
    set { rootFS.diffIDs = newValue }
  }

  /// The layers of an image, as digests of their uncompressed bytes.
  public struct RootFS: Sendable, Hashable {
    /// The kind of root file system; the image-spec knows `layers` alone.
    public var type: String
    /// The digests of the uncompressed layers, from the bottom up.
    public var diffIDs: [Digest]
    /// Members this type has no name for, kept as they are.
    public var other = JSON.Object()

    /// Creates a list of layers.
    public init(type: String = "layers", diffIDs: [Digest] = []) {
      self.type = type
      self.diffIDs = diffIDs
    }

    /// A name for each layer together with all below it (image-spec, config.md §Layer ChainID).
    public var chainIDs: [Digest] {
      var result: [Digest] = []
      for diffID in diffIDs { result.append(result.last.map { .of(Array("\($0) \(diffID)".utf8)) } ?? diffID) }
      return result
    }
  }

  /// One step of an image's history.
  public struct History: Sendable, Hashable {
    /// When, RFC 3339.
    public var created: String?
    /// By what command.
    public var createdBy: String?
    /// By whom.
    public var author: String?
    /// A remark.
    public var comment: String?
    /// Whether the step made no layer.
    public var emptyLayer: Bool
    /// Members this type has no name for, kept as they are.
    public var other = JSON.Object()

    /// Creates a step.
    public init(
      created: String? = nil, createdBy: String? = nil, author: String? = nil, comment: String? = nil,
      emptyLayer: Bool = false
    ) {
      self.created = created
      self.createdBy = createdBy
      self.author = author
      self.comment = comment
      self.emptyLayer = emptyLayer
    }
  }
}

// MARK: JSON

extension ImageConfiguration: ImageDocument {
  /// Far more than any real configuration has.
  public static let sizeLimit = 8 << 20

  /// The OCI type; descriptors in Docker's manifests give `MediaType.dockerConfiguration`.
  public var mediaType: MediaType { .imageConfiguration }

  /// Reads a configuration.
  /// - Throws: `OCIError.Code.invalidDocument`, naming the field.
  public init(_ json: JSON) throws(OCIError) {
    var fields = try FieldReader(json, path: "config")
    created = try fields.string("created")
    author = try fields.string("author")
    platform = try Platform(from: &fields)
    for field in ["architecture", "os"] where !fields.contains(field) { throw fields.error(field, "is missing") }
    runtime = RuntimeConfiguration()
    if let value = try fields.value("config") { runtime = try RuntimeConfiguration(value, path: "config.config") }
    guard let value = try fields.value("rootfs") else { throw fields.error("rootfs", "is missing") }
    rootFS = try RootFS(value, path: "config.rootfs")
    history = []
    for (index, value) in (try fields.list("history") ?? []).enumerated() {
      history.append(try History(value, path: FieldPath("config", "history", index)))
    }
    other = fields.remainder
  }

  /// The configuration as JSON, in the spec's member order.
  public var json: JSON {
    var object = JSON.Object()
    if let created { object.append("created", .string(created)) }
    if let author { object.append("author", .string(author)) }
    object.merge(platform.members)
    object.append("config", runtime.json)
    object.append("rootfs", rootFS.json)
    object.append("history", unlessEmpty: .array(history.map(\.json)))
    object.merge(platform.other)
    object.merge(other)
    return .object(object)
  }
}

extension ImageConfiguration.RootFS {
  init(_ json: JSON, path: String) throws(OCIError) {
    var fields = try FieldReader(json, path: path)
    guard let type = try fields.string("type") else { throw fields.error("type", "is missing; it must be \"layers\"") }
    self.type = type
    diffIDs = []
    for (index, text) in (try fields.strings("diff_ids") ?? []).enumerated() {
      do { diffIDs.append(try Digest(text)) } catch {
        throw fields.error("diff_ids[\(index)]", "is wrong: \(error.message)")
      }
    }
    other = fields.remainder
  }

  var json: JSON {
    var object = JSON.Object()
    object.append("type", .string(type))
    object.append("diff_ids", .strings(diffIDs.map(\.description)))
    object.merge(other)
    return .object(object)
  }
}

extension ImageConfiguration.History {
  /// Reads a step; messages call it by the path.
  package init(_ json: JSON, path: String) throws(OCIError) { try self.init(json, path: FieldPath(path)) }

  init(_ json: JSON, path: FieldPath) throws(OCIError) {
    var fields = try FieldReader(json, path: path)
    created = try fields.string("created")
    createdBy = try fields.string("created_by")
    author = try fields.string("author")
    comment = try fields.string("comment")
    emptyLayer = try fields.bool("empty_layer") ?? false
    other = fields.remainder
  }

  package var json: JSON {
    var object = JSON.Object()
    if let created { object.append("created", .string(created)) }
    if let createdBy { object.append("created_by", .string(createdBy)) }
    if let author { object.append("author", .string(author)) }
    if let comment { object.append("comment", .string(comment)) }
    if emptyLayer { object.append("empty_layer", .bool(true)) }
    object.merge(other)
    return .object(object)
  }
}
