internal import ImageAssembly
internal import LayerGraph
internal import OCICore
internal import SystemPackage
internal import Tarball

extension ProjectReader {
  mutating func image(_ name: String, _ json: JSON, _ path: String) throws -> ProjectImage {
    var fields = try FieldReader(json, path: path)
    var image = ProjectImage(name)
    image.repository = try fields.string("repository") ?? name
    image.base = try fields.string("base")
    if let base = image.base, !base.contains("${"),
      !["docker://", "oci:", "oci-archive:", "dir:"].contains(where: base.hasPrefix)
    {
      throw fields.error(
        "base", "is '\(base)'; write docker://HOST/REPOSITORY:TAG, oci:DIR:TAG, oci-archive:FILE:TAG or dir:DIR")
    }
    image.settings = try settings(&fields, path)
    image.indexAnnotations = try fields.stringMap("indexAnnotations") ?? [:]
    if let tags = try fields.value("tags") { image.tags = try tagRules(tags, "\(path).tags") }
    if let text = try fields.string("compression") {
      do { image.encoding = try LayerEncoding(parsing: text) } catch {
        throw fields.error("compression", "is wrong: \(error.message)")
      }
    }
    if let layers = try fields.value("layers") { try readPlanning(layers, "\(path).layers", &image) }
    for (index, archive) in (try fields.list("archives") ?? []).enumerated() {
      image.archives.append(try self.archive(archive, "\(path).archives[\(index)]"))
    }
    let platforms = try fields.value("platforms")
    let source = try source(&fields, path, isPartial: true)
    try fields.requireNothingElse()
    image.variants = try variants(platforms, source, image, path)
    return image
  }

  private typealias FoundSource = (source: ProjectImage.Source?, copyToRoot: [FilePath])

  /// The source that an object names. Where it names inputs alone, what they are decides: store paths are a closure,
  /// other files a map; a Dockerfile is not supported.
  private func source(_ fields: inout FieldReader, _ path: String, isPartial: Bool) throws -> FoundSource {
    let copyToRoot = (try fields.strings("copyToRoot") ?? []).map { host($0) }
    let closure = try fields.string("closure")
    let nix = try fields.value("nix")
    let files = try fields.value("files")
    let inputs = try fields.value("inputs")
    let dockerfile = try fields.string("dockerfile")
    let given = [
      closure.map { _ in "closure" }, nix.map { _ in "nix" }, files.map { _ in "files" }, inputs.map { _ in "inputs" },
      dockerfile.map { _ in "dockerfile" },
    ]
    .compactMap(\.self)
    guard given.count < 2 else {
      throw fields.error(given[1], "stands beside '\(given[0])'; an image has one source, so keep one of them")
    }
    if let closure { return (.closure(host(closure)), copyToRoot) }
    if let nix { return (.nix(try self.paths(nix, "\(path).nix")), copyToRoot) }
    if let files {
      guard copyToRoot.isEmpty else {
        throw fields.error("copyToRoot", "belongs to a closure; put files at '/' in 'files'")
      }
      return (.files(try FileMap(files, path: "\(path).files", metadata: .normalized, relativeTo: relative)), [])
    }
    if let inputs { return try source(ofInputs: inputs, "\(path).inputs", copyToRoot) }
    if dockerfile != nil { throw fields.error("dockerfile", Self.noDockerfile) }
    return (nil, copyToRoot)
  }

  private static let noDockerfile =
    "asks for a Dockerfile, which is not supported yet; name a 'base' and what is put on it as 'files', or build it elsewhere and use 'base' alone"

  private var relative: FilePath? { directory == "." ? nil : directory }

  private func paths(_ json: JSON, _ field: String) throws -> [FilePath] {
    if let text = json.stringValue { return [host(text)] }
    guard let list = json.arrayValue, !list.isEmpty, list.allSatisfy({ $0.stringValue != nil }) else {
      throw OCIError(.invalidDocument, "\(field) must be a path, or a list of paths")
    }
    return list.compactMap(\.stringValue).map { host($0) }
  }

  private func source(ofInputs json: JSON, _ field: String, _ copyToRoot: [FilePath]) throws -> FoundSource {
    if json.objectValue != nil {
      return (.files(try FileMap(json, path: field, metadata: .normalized, relativeTo: relative)), [])
    }
    let paths = try self.paths(json, field)
    let stored = paths.filter { NixStore.holds($0) }
    if stored.count == paths.count { return (.nix(paths), copyToRoot.isEmpty ? paths : copyToRoot) }
    if paths.contains(where: { ($0.lastComponent?.string ?? "").lowercased().contains("dockerfile") }) {
      throw OCIError(.invalidDocument, "\(field) \(Self.noDockerfile)")
    }
    guard stored.isEmpty else {
      throw OCIError(
        .invalidDocument,
        "\(field) has store paths and other files ('\(paths.first { !stored.contains($0) } ?? "")'); name the closure as 'nix' and the files as 'archives' or in an image of their own"
      )
    }
    throw OCIError(
      .invalidDocument,
      "\(field) is a list of files, which does not say where in the image they go; write {/path/in/image: \(paths[0])}")
  }

  private func variants(
    _ json: JSON?, _ found: FoundSource, _ image: ProjectImage, _ path: String
  ) throws -> [ProjectImage.Variant] {
    func variant(_ platform: Platform?, _ found: FoundSource) throws -> ProjectImage.Variant {
      guard let source = found.source ?? (image.base != nil ? .baseAlone : nil) else {
        if FileSystem.exists(directory.appending("Dockerfile")) {
          throw OCIError(
            .invalidDocument, "\(path) names no source, and the directory's Dockerfile \(Self.noDockerfile)")
        }
        throw OCIError(
          .invalidDocument,
          "\(path) names nothing that the image is made of; give it 'closure', 'nix', 'files', 'inputs' or 'base'")
      }
      var variant = ProjectImage.Variant(platform: platform, source: source)
      variant.copyToRoot = found.copyToRoot
      return variant
    }
    func platform(_ text: String, _ field: String) throws -> Platform {
      do { return try Platform(text) } catch { throw OCIError(.invalidDocument, "\(field): \(error.message)") }
    }
    guard let json else { return [try variant(nil, found)] }
    if let list = json.arrayValue {
      guard !list.isEmpty else {
        throw OCIError(.invalidDocument, "\(path).platforms is empty; leave it out, or name one")
      }
      return try list.enumerated().map { index, item in
        guard let text = item.stringValue else {
          throw OCIError(.invalidDocument, "\(path).platforms[\(index)] must be a platform")
        }
        return try variant(try platform(text, "\(path).platforms[\(index)]"), found)
      }
    }
    guard let members = json.objectValue?.members, !members.isEmpty else {
      throw OCIError(.invalidDocument, "\(path).platforms must be a list, or an object with a source for each platform")
    }
    return try members.map { name, value in
      let field = "\(path).platforms.\(name)"
      var fields = try FieldReader(value, path: field)
      let own = try source(&fields, field, isPartial: false)
      try fields.requireNothingElse()
      return try variant(
        try platform(name, field),
        (own.source ?? found.source, own.copyToRoot.isEmpty ? found.copyToRoot : own.copyToRoot))
    }
  }

  private func archive(_ json: JSON, _ field: String) throws -> LayerRecipe {
    if let text = json.stringValue { return LayerRecipe([.init(archive: host(text))]) }
    var fields = try FieldReader(json, path: field)
    guard let path = try fields.string("path") else { throw fields.error("path", "is missing") }
    let at = try fields.string("at") ?? "/"
    let keeps = try fields.bool("keepMetadata") ?? false
    let isVerbatim = try fields.bool("verbatim") ?? false
    try fields.requireNothingElse()
    if isVerbatim { return LayerRecipe(verbatimTar: host(path)) }
    return LayerRecipe([.init(archive: host(path), at: FilePath(at), options: keeps ? .keepingEverything : .init())])
  }

  // MARK: What images say

  private func settings(_ fields: inout FieldReader, _ path: String) throws -> ImageSettings {
    var settings = ImageSettings()
    if let file = try fields.string("configFile") { settings = try ImageSettings(file: host(file)) }
    if let config = try fields.value("config") {
      guard settings == ImageSettings() else {
        throw fields.error("config", "stands beside configFile; keep one of them")
      }
      do {
        settings = try ImageSettings(parsing: try Self.configuration(config, "\(path).config").canonicalBytes)
      } catch let error as OCIError {
        // It calls what it reads 'config'.
        throw OCIError(
          .invalidDocument,
          error.message.hasPrefix("config") ? "\(path).\(error.message)" : "\(path).config: \(error.message)")
      }
    }
    for (name, value) in try fields.stringMap("labels") ?? [:] { settings.runtime.labels[name] = value }
    for (name, value) in try fields.stringMap("annotations") ?? [:] { settings.annotations[name] = value }
    if let created = try fields.string("created") {
      guard Timestamp.isValid(created) else {
        throw fields.error("created", "must be RFC 3339, e.g. 2026-01-31T12:00:00Z")
      }
      settings.created = created
    }
    return settings
  }

  /// Variables, ports and volumes may be written as people like them best.
  private static func configuration(_ json: JSON, _ path: String) throws -> JSON {
    guard var object = json.objectValue else { throw OCIError(.invalidDocument, "\(path) must be an object") }
    for member in object.members {
      switch member.name.lowercased() {
      case "env" where member.value.objectValue != nil:
        var fields = try FieldReader(.object(["env": member.value]), path: path)
        let variables = try fields.stringMap("env") ?? [:]
        let names = member.value.objectValue?.members.map(\.name) ?? []
        object[member.name] = .strings(names.map { "\($0)=\(variables[$0] ?? "")" })
      case "exposedports", "volumes":
        guard let list = member.value.arrayValue else { continue }
        var set = JSON.Object()
        for item in list {
          guard let text = item.stringValue ?? item.integerValue.map({ "\($0)/tcp" }) else {
            throw OCIError(.invalidDocument, "\(path).\(member.name) must be a list of texts")
          }
          set[text] = .object([:])
        }
        object[member.name] = .object(set)
      default: break
      }
    }
    return .object(object)
  }

  private func readPlanning(_ json: JSON, _ field: String, _ image: inout ProjectImage) throws {
    var fields = try FieldReader(json, path: field)
    if let most = try fields.integer("max") {
      guard (1...1000).contains(most) else { throw fields.error("max", "must be between 1 and 1000") }
      image.maximumLayers = Int(most)
    }
    if let name = try fields.string("strategy") {
      guard let strategy = PlanningStrategies.named(name) else {
        let names = PlanningStrategies.all.map(\.name).joined(separator: ", ")
        throw fields.error("strategy", "is '\(name)'; there are \(names)")
      }
      image.planning.strategy = strategy
    }
    if let percent = try fields.integer("deadBytes") {
      guard (0..<100).contains(percent) else { throw fields.error("deadBytes", "is a percentage, from 0 up to 100") }
      image.planning.deadShare = Double(percent) / 100
    }
    if let previous = try fields.string("previous") {
      let document = try PlanDocument(jsonFile: host(previous))
      image.planning.previous = document.plan
      image.planning.history = document.history
    }
    try fields.requireNothingElse()
  }
}
