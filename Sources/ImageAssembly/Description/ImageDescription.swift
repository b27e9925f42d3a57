internal import LayerGraph
public import OCICore
public import SystemPackage
internal import Tarball

/// Finds the store that has the layers of a base image again, by the base's name and the digest of what that stood for.
public typealias BaseFinder = @Sendable (_ name: String, _ root: Digest) async throws -> any ContentStore

/// An image as a small file: everything but content. `docs/image-description.md` has the form.
public enum ImageDescription {
  /// What the member `schema` says.
  public static let schema = "flywheel-image-1"
  /// The most bytes of a description that are read.
  public static let sizeLimit = 256 << 20

  /// Whether a document says that it is one.
  public static func isDescription(_ json: JSON) -> Bool {
    json.objectValue?["schema"]?.stringValue?.hasPrefix("flywheel-image") ?? false
  }
}

extension AssembledImage {
  /// The image as a description.
  /// - Parameter directory: Where it will be written: host paths that are not absolute are written relative to it, so that
  ///   description and sources can be moved together.
  /// - Throws: `AssemblyError.Code.invalidDescription` for names that JSON cannot hold.
  public func description(in directory: FilePath) throws(AssemblyError) -> JSON {
    let recipes = RecipeJSON(paths: DescribedPaths(directory: directory))
    let common = layers.first?.content.recipe.metadata
    var described: [JSON] = []
    for layer in layers { described.append(try Self.json(layer, recipes, common)) }
    var object: JSON.Object = [
      "schema": .string(ImageDescription.schema),
      "digest": .string(descriptor.digest.description),
      "platform": .string(configuration.platform.description),
      "manifest": manifest.json,
      "config": configuration.json,
    ]
    if let base {
      object["base"] = .object([
        "name": .string(base.name), "root": .string(base.root.description),
        "manifest": .string(base.manifest.description), "layers": .integer(base.descriptors.count),
      ])
    }
    if let common { object["metadata"] = RecipeJSON.json(common) }
    object["layers"] = .array(described)
    return .object(object)
  }

  static func json(
    _ layer: Layer, _ recipes: RecipeJSON, _ common: MetadataPolicy?
  ) throws(AssemblyError) -> JSON {
    let content = layer.content
    var object: JSON.Object = [
      "digest": .string(layer.descriptor.digest.description), "diffID": .string(layer.diffID.description),
      "size": .integer(layer.descriptor.size), "uncompressedSize": .integer(layer.uncompressedSize),
      "encoding": .string(content.blobType == nil ? layer.encoding.identifier : "asItIs"),
    ]
    if !content.storePaths.isEmpty { object["storePaths"] = .strings(content.storePaths) }
    if let planned = content.planned {
      var plan: JSON.Object = ["bytes": .integer(planned.bytes), "reason": .string(planned.reason)]
      if !planned.dead.isEmpty { plan["dead"] = .strings(planned.dead) }
      object["plan"] = .object(plan)
    }
    if content.recipe != content.plainRecipe(common ?? .init()) {
      object["recipe"] = try recipes.json(content.recipe, metadata: common)
    }
    return .object(object)
  }

  /// Writes the description to a file, whole or not at all.
  /// - Throws: `AssemblyError`, or `OCIError.Code.ioFailure`.
  public func writeDescription(to path: FilePath) async throws {
    let text = try description(in: path.removingLastComponent()).prettyText
    try await IOExecutor.run {
      let directory = path.removingLastComponent()
      if !directory.isEmpty { _ = try FileSystem.createDirectories(directory) }
      try FileSystem.replace(path, with: Array((text + "\n").utf8))
    }
  }

  /// Reads a description. No source is looked at.
  /// - Parameters:
  ///   - path: The file; host paths in it are relative to its directory.
  ///   - cache: Where what is known of layers is kept.
  ///   - base: Finds the base image, when a destination lacks one of its layers.
  /// - Throws: `AssemblyError`: `fileUnreadable`; `invalidDescription`, naming file and field; `unsupportedDescription`.
  public init(
    descriptionFile path: FilePath, cache: LayerDigestCache? = nil, base: @escaping BaseFinder = AssembledImage.noBase
  ) throws(AssemblyError) {
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path, limit: ImageDescription.sizeLimit) } catch {
      throw AssemblyError(.fileUnreadable, "image description: \(error.message)")
    }
    try self.init(description: bytes, name: path.string, in: path.removingLastComponent(), cache: cache, base: base)
  }

  /// Reads a description; see `init(descriptionFile:cache:base:)`.
  public init(
    description bytes: [UInt8], name: String, in directory: FilePath, cache: LayerDigestCache? = nil,
    base: @escaping BaseFinder = AssembledImage.noBase
  ) throws(AssemblyError) {
    do {
      let json = try JSON(parsing: bytes, valueLimit: .max)
      if json.objectValue?["image-config"] != nil {
        try self.init(nix2container: json, cache: cache)
      } else {
        try self.init(DescriptionReader(json, directory, cache, base))
      }
    } catch let error as AssemblyError {
      throw AssemblyError(error.code, "image description '\(name)': \(error.message)")
    } catch {
      throw AssemblyError(.invalidDescription, "image description '\(name)': \(error)")
    }
  }

  /// Says that nobody looks for base images here.
  public static let noBase: BaseFinder = { name, _ in
    throw OCIError(
      .notFound, "the layers of the base image '\(name)' are needed, but nothing was given to find it with")
  }

  private init(_ read: DescriptionReader) {
    self.init(
      layers: read.layers, base: read.base, configuration: read.configuration,
      configurationBytes: read.configurationBytes, manifest: read.manifest, manifestBytes: read.manifestBytes,
      cache: read.cache)
  }
}

extension LayerContent {
  /// What the recipe is unless the description tells it: the store paths at their own places.
  func plainRecipe(_ metadata: MetadataPolicy) -> LayerRecipe {
    LayerRecipe((planned?.members ?? storePaths).map { .init(FilePath($0)) }, metadata: metadata)
  }
}

/// Reads a description, and makes sure that its parts agree.
struct DescriptionReader {
  var layers: [AssembledImage.Layer] = []
  var base: BaseLayers?
  let configuration: ImageConfiguration
  let configurationBytes: [UInt8]
  let manifest: ImageManifest
  let manifestBytes: [UInt8]
  let cache: LayerDigestCache?

  init(_ json: JSON, _ directory: FilePath, _ cache: LayerDigestCache?, _ finder: @escaping BaseFinder) throws {
    self.cache = cache
    var fields = try FieldReader(json, path: "image")
    guard let schema = try fields.string("schema") else {
      throw AssemblyError(
        .invalidDescription,
        "it has no 'schema', so it is no image description; flywheel build --description writes one")
    }
    guard schema != AssembledIndex.schema else {
      throw AssemblyError(
        .unsupportedDescription, "it is that of an index of several images; give the description of one of them")
    }
    guard schema == ImageDescription.schema else {
      throw AssemblyError(
        .unsupportedDescription, "its schema is '\(schema)', and this version reads '\(ImageDescription.schema)'")
    }
    let digest = try fields.required("digest") { (fields, name) throws(OCIError) in try fields.digest(name) }
    let documents = try Self.documents(&fields)
    (manifest, manifestBytes) = documents.manifest
    (configuration, configurationBytes) = documents.configuration
    _ = try fields.string("platform")
    guard try digest.isDigest(of: manifestBytes) else { throw fields.error("digest", "is not that of the manifest") }
    guard try manifest.config.digest.isDigest(of: configurationBytes) else {
      throw fields.error("config", "is not the one that the manifest names")
    }
    let described = try fields.list("layers") ?? []
    let count = try readBase(&fields, described.count, finder)
    let common = try fields.value("metadata").map { try RecipeJSON.policy($0, "image.metadata") } ?? .init()
    try fields.requireNothingElse()
    let recipes = RecipeJSON(paths: DescribedPaths(directory: directory))
    for (index, layer) in described.enumerated() {
      layers.append(
        try Self.layer(
          layer, "image.layers[\(index)]", manifest.layers[count + index], configuration.diffIDs[count + index],
          recipes,
          common))
    }
  }

  private static func documents(_ fields: inout FieldReader) throws -> (
    manifest: (ImageManifest, [UInt8]), configuration: (ImageConfiguration, [UInt8])
  ) {
    guard let manifest = try fields.value("manifest"), let configuration = try fields.value("config") else {
      throw fields.error("manifest", "or config is missing")
    }
    // As they stand: what was written canonically is read canonically.
    return (
      (try ImageManifest(manifest), manifest.canonicalBytes),
      (try ImageConfiguration(configuration), configuration.canonicalBytes)
    )
  }

  /// Reads what lies below; gives the number of its layers.
  private mutating func readBase(_ fields: inout FieldReader, _ own: Int, _ finder: @escaping BaseFinder) throws -> Int
  {
    let total = manifest.layers.count
    guard total == configuration.diffIDs.count else {
      throw fields.error("config", "tells of \(configuration.diffIDs.count) layers, but the manifest of \(total)")
    }
    guard let json = try fields.value("base") else {
      guard own == total else { throw fields.error("layers", "has \(own) layers, but the manifest has \(total)") }
      return 0
    }
    var reader = try FieldReader(json, path: "image.base")
    let name = try reader.required("name") { (fields, field) throws(OCIError) in try fields.string(field) }
    let root = try reader.required("root") { (fields, field) throws(OCIError) in try fields.digest(field) }
    let digest = try reader.required("manifest") { (fields, field) throws(OCIError) in try fields.digest(field) }
    let count = try reader.integer("layers") ?? 0
    guard count >= 0, own <= total, count == Int64(total - own) else {
      throw reader.error("layers", "is \(count); with \(own) layers of its own the manifest would have to have as many")
    }
    base = BaseLayers(
      name: name, root: root, manifest: digest, descriptors: Array(manifest.layers.prefix(Int(count))),
      diffIDs: Array(configuration.diffIDs.prefix(Int(count)))
    ) { try await finder(name, root) }
    return Int(count)
  }

  static func layer(
    _ json: JSON, _ field: String, _ descriptor: Descriptor, _ diffID: Digest, _ recipes: RecipeJSON,
    _ common: MetadataPolicy
  ) throws -> AssembledImage.Layer {
    var fields = try FieldReader(json, path: field)
    guard try fields.digest("digest") == descriptor.digest, try fields.integer("size") == descriptor.size else {
      throw fields.error("digest", "or size is not what the manifest says of this layer")
    }
    guard try fields.digest("diffID") == diffID else {
      throw fields.error("diffID", "is not what the configuration says of this layer")
    }
    let size = try fields.integer("uncompressedSize") ?? 0
    let identifier = try fields.string("encoding") ?? ""
    let paths = try fields.strings("storePaths") ?? []
    var content = LayerContent(LayerRecipe([], metadata: common), storePaths: paths)
    if let plan = try fields.value("plan") {
      var plan = try FieldReader(plan, path: "\(field).plan")
      content.planned = LayerPlan.Layer(
        paths: paths, dead: try plan.strings("dead") ?? [], bytes: try plan.integer("bytes") ?? 0,
        reason: try plan.string("reason") ?? "")
    }
    content.recipe =
      try fields.value("recipe").map { try recipes.recipe($0, "\(field).recipe", metadata: common) }
      ?? content.plainRecipe(common)
    try fields.requireNothingElse()
    if identifier == "asItIs" {
      guard let file = content.recipe.sources.first?.host, content.recipe == LayerRecipe(verbatimTar: file) else {
        throw fields.error("recipe", "must be one tar where the encoding is 'asItIs'")
      }
      let planned = content.planned
      content = LayerContent(blob: file, type: descriptor.mediaType)
      content.storePaths = paths
      content.planned = planned
    } else if let encoding = LayerEncoding(identifier: identifier) {
      content.encoding = encoding
    } else {
      throw AssemblyError(
        .unsupportedDescription,
        "\(field).encoding is '\(identifier)', which this version does not know; use the version that wrote it")
    }
    content.annotations = descriptor.annotations
    return AssembledImage.Layer(
      descriptor, diffID: diffID, uncompressedSize: size, content, encoding: content.encoding ?? .none)
  }
}
