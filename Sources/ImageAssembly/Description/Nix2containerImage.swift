internal import OCICore
public import SystemPackage
internal import Tarball

extension AssembledImage {
  /// Reads the `image.json` of nix2container: its layers are produced by its rules, to the byte, and are not compressed, as it has
  /// them.
  init(nix2container json: JSON, cache: LayerDigestCache?) throws {
    var fields = try FieldReader(json, path: "image")
    let version = try fields.integer("version")
    guard version == 1 else {
      throw AssemblyError(
        .unsupportedDescription,
        "nix2container's format version \(version.map { "\($0)" } ?? "is missing, or") is not 1")
    }
    let runtime =
      try fields.value("image-config").map { try RuntimeConfiguration($0, path: "image.image-config") } ?? .init()
    let architecture = try fields.string("arch") ?? "amd64"
    let created = try fields.string("created")
    var seen: Set<Digest> = []
    var layers: [Layer] = []
    var history: [ImageConfiguration.History] = []
    for (index, layer) in (try fields.list("layers") ?? []).enumerated() {
      let read = try Nix2containerLayer(layer, "image.layers[\(index)]")
      guard seen.insert(read.layer.descriptor.digest).inserted else { continue }
      layers.append(read.layer)
      history.append(read.history)
    }
    let configuration = ImageConfiguration(
      platform: Platform(architecture: architecture.isEmpty ? "amd64" : architecture), runtime: runtime,
      diffIDs: layers.map(\.diffID), history: history, created: created)
    let bytes = configuration.canonicalBytes
    let manifest = ImageManifest(
      config: Descriptor(mediaType: .imageConfiguration, describing: bytes), layers: layers.map(\.descriptor))
    self.init(
      layers: layers, base: nil, configuration: configuration, configurationBytes: bytes, manifest: manifest,
      manifestBytes: manifest.canonicalBytes, cache: cache)
  }

  /// Reads the layers of a `layers.json` of nix2container.
  /// - Throws: `AssemblyError`: `fileUnreadable`, `invalidDescription`, `unsupportedDescription`.
  public static func nix2containerLayers(file path: FilePath) throws(AssemblyError) -> [Layer] {
    do {
      let json = try JSON(parsing: FileSystem.contents(of: path, limit: ImageDescription.sizeLimit), valueLimit: .max)
      guard let list = json.arrayValue else { throw OCIError(.invalidDocument, "layers must be a list") }
      return try list.enumerated().map { try Nix2containerLayer($1, "layers[\($0)]").layer }
    } catch let error as AssemblyError {
      throw AssemblyError(error.code, "layers '\(path)': \(error.message)")
    } catch let error as OCIError where error.code == .ioFailure {
      throw AssemblyError(.fileUnreadable, "layers: \(error.message)")
    } catch {
      throw AssemblyError(.invalidDescription, "layers '\(path)': \(error)")
    }
  }
}

/// One layer as nix2container describes it.
struct Nix2containerLayer {
  let layer: AssembledImage.Layer
  let history: ImageConfiguration.History

  init(_ json: JSON, _ field: String) throws {
    var fields = try FieldReader(json, path: field)
    let digest = try fields.required("digest") { (fields, name) throws(OCIError) in try fields.digest(name) }
    let diffID = try fields.digest("diff_ids") ?? digest
    let type = try fields.mediaType("mediatype") ?? .layerTar
    var size = try fields.integer("size") ?? 0
    history =
      try fields.value("History").map { try ImageConfiguration.History($0, path: "\(field).History") } ?? .init()
    let paths = try fields.list("paths") ?? []
    let content: LayerContent
    if let file = try fields.string("layer-path"), !file.isEmpty {
      content = LayerContent(blob: FilePath(file), type: type.ociEquivalent)
      if size == 0 {
        // Layers of a base have none.
        guard let found = try FileSystem.fileSize(FilePath(file)) else {
          throw AssemblyError(.storePathMissing, "\(field): '\(file)' is not on this machine; build or fetch it first")
        }
        size = found
      }
    } else {
      guard type == .layerTar else {
        throw AssemblyError(
          .unsupportedDescription,
          "\(field) is of type \(type), but no file has it, and only plain tars can be made again")
      }
      var recipe = LayerRecipe([], metadata: .nix2container)
      // Where two paths bring one file, theirs is the last, and content is not compared.
      recipe.conflicts = .lastWins
      for (index, path) in paths.enumerated() {
        recipe.sources.append(try Self.source(path, "\(field).paths[\(index)]"))
      }
      let isPlain = recipe.sources.allSatisfy { $0 == .init($0.host) }
      content = LayerContent(
        recipe, storePaths: isPlain ? recipe.sources.map(\.host.string).sorted(by: byteOrder) : [],
        encoding: LayerEncoding.none)
    }
    layer = AssembledImage.Layer(
      Descriptor(mediaType: type.ociEquivalent, digest: digest, size: size), diffID: diffID,
      uncompressedSize: type == .layerTar ? size : 0, content, encoding: .none)
  }

  private static func source(_ json: JSON, _ field: String) throws -> LayerRecipe.Source {
    var fields = try FieldReader(json, path: field)
    guard let path = try fields.string("path"), !path.isEmpty else {
      throw AssemblyError(.unsupportedDescription, "\(field) has no path, and no other source is known")
    }
    var source = LayerRecipe.Source(FilePath(path))
    if let options = try fields.value("options") {
      var options = try FieldReader(options, path: "\(field).options")
      if let rewrite = try options.value("rewrite") {
        source.destination = try destination(of: path, rewrite, "\(field).options.rewrite")
      }
      for (index, rule) in (try options.list("perms") ?? []).enumerated() {
        source.rules.append(try permissions(rule, path, "\(field).options.perms[\(index)]"))
      }
      if let ignored = try options.string("ignoreDestination"), !ignored.isEmpty {
        source.rules.append(
          PathRule([try PathPattern(regularExpression: ignored)], .exclude, base: source.destination))
      }
      try refuseRest(of: options, "\(field).options")
    }
    try refuseRest(of: fields, field)
    return source
  }

  /// What is not understood could mean other bytes.
  private static func refuseRest(of fields: FieldReader, _ field: String) throws {
    guard let stray = fields.remainder.members.first(where: { $0.value != .null && $0.value != "" }) else { return }
    throw AssemblyError(
      .unsupportedDescription,
      "\(field) has '\(stray.name)', which this version does not know, so its layer cannot be made")
  }

  /// nix2container replaces a regular expression in each path. Its own functions only ever take the store path away, or put
  /// another in its place; an expression in any other form would need its engine.
  private static func destination(of path: String, _ rewrite: JSON, _ field: String) throws -> FilePath {
    var fields = try FieldReader(rewrite, path: field)
    let expression = try fields.string("regex") ?? ""
    let replacement = try fields.string("repl") ?? ""
    if expression.isEmpty { return FilePath(path) }
    let unescaped = expression.replacing("\\", with: "")
    guard unescaped.hasPrefix("^"), path.hasPrefix(unescaped.dropFirst()), !replacement.contains("$") else {
      throw AssemblyError(
        .unsupportedDescription,
        "\(field): the regular expression '\(expression)' does something else than replace the beginning of '\(path)'")
    }
    let result = replacement + path.dropFirst(unescaped.count - 1)
    guard result.isEmpty || result.hasPrefix("/") else {
      throw AssemblyError(.unsupportedDescription, "\(field) leads to '\(result)', which is no absolute path")
    }
    return result.isEmpty ? "/" : FilePath(result)
  }

  /// Owners are always those of the rule, 0 where it has none; the last rule that matches counts.
  static func permissions(_ json: JSON, _ path: String, _ field: String) throws -> PathRule {
    var fields = try FieldReader(json, path: field)
    let expression = try fields.string("regex") ?? ""
    var change = MetadataChange.owner(try fields.integer("uid") ?? 0, try fields.integer("gid") ?? 0)
    if let mode = try fields.mode("mode") {
      change.fileMode = mode
      change.directoryMode = mode
      change.linkMode = mode
    }
    change.addedMode = try fields.mode("orMode")
    change.userName = try fields.string("uname").flatMap { $0.isEmpty ? nil : $0 }
    change.groupName = try fields.string("gname").flatMap { $0.isEmpty ? nil : $0 }
    try refuseRest(of: fields, field)
    // Matched against where a file is in the store, wherever it goes.
    return PathRule(
      [try PathPattern(regularExpression: expression)], .change(change), isRecursive: false, base: FilePath(path))
  }
}

extension FieldReader {
  fileprivate mutating func mode(_ field: String) throws(OCIError) -> UInt32? {
    guard let text = try string(field), !text.isEmpty else { return nil }
    let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
    guard let mode = UInt32(digits, radix: 8), mode < 1 << 12 else {
      throw error(field, "is '\(text)', which is no mode")
    }
    return mode
  }
}
