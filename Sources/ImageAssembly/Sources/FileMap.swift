package import OCICore
public import SystemPackage
public import Tarball

/// Files of the host by their path in the image, as build systems describe them: `{"/app/build": tree, "/app/package.json": file}`.
///
/// A named source that is a symbolic link stands for what it leads to, as build outputs often are links; links inside a
/// tree stay links unless `followsLinks` says otherwise. `docs/image-sources.md` has the form of the file.
public struct FileMap: Sendable, Hashable {
  /// Trees and files.
  public var files: [(path: FilePath, source: FilePath)] { fileList.map { ($0.path, $0.source) } }
  /// What is described rather than found: files at hand, links, directories.
  public var entries: [LayerEntry] = []
  /// Other metadata by pattern, later ones over earlier ones. A pattern that matches nothing is an error.
  public var changes: [Change] = []
  /// What is left out.
  public var excluded: [PathPattern] = []
  /// How metadata is written where nothing else says so.
  public var metadata: MetadataPolicy
  /// Whether links inside trees are taken for what they lead to.
  public var followsLinks = false
  private var fileList: [File] = []

  private struct File: Hashable {
    var path: FilePath
    var source: FilePath
  }

  /// Metadata for some paths.
  public struct Change: Sendable, Hashable {
    /// Which.
    public var pattern: PathPattern
    /// What becomes of them, and of what is in them.
    public var change: MetadataChange
    /// Whether it is an error when nothing matches.
    public var isRequired: Bool

    /// Creates a change.
    public init(_ pattern: PathPattern, _ change: MetadataChange, isRequired: Bool = true) {
      self.pattern = pattern
      self.change = change
      self.isRequired = isRequired
    }
  }

  /// Creates an empty map: modes are normalized, because those of a working copy depend on the umask.
  public init(metadata: MetadataPolicy = .normalized) { self.metadata = metadata }

  /// Puts a tree or a file of the host at a path.
  public mutating func add(_ source: FilePath, at path: FilePath) {
    fileList.append(File(path: path, source: source))
  }

  /// The layer of these files. Looks at what named sources are.
  /// - Throws: `TarballError.Code.invalidRecipe`.
  public func recipe() throws(TarballError) -> LayerRecipe {
    let sources = fileList.map { file in
      var source = LayerRecipe.Source(FileSystem.resolvingSymlinks(file.source), at: file.path)
      // As it was named, where it is no link: a description stays relocatable.
      if !FileSystem.isSymbolicLink(file.source) { source.host = file.source }
      source.followsLinks = followsLinks
      return source
    }
    var recipe = LayerRecipe(sources, entries: entries, metadata: metadata)
    if !excluded.isEmpty { recipe = recipe.excluding(excluded) }
    for change in changes {
      recipe = try recipe.changing(change.pattern, change.change, isRecursive: true, isRequired: change.isRequired)
    }
    return recipe
  }
}

extension MetadataPolicy {
  /// For files of a working copy or of a build: modes that do not depend on a umask.
  public static let normalized: MetadataPolicy = {
    var policy = MetadataPolicy()
    policy.modes = .normalized
    return policy
  }()
}

// MARK: The file

extension FileMap {
  /// Reads a map from a JSON file: an object of image paths and what is there, or one with the members `files`, `symlinks`, `directories`,
  /// `metadata`, `exclude` and `followLinks`. Sources that are not absolute are relative to the working directory.
  /// - Throws: `AssemblyError`: `fileUnreadable`, `invalidSource`, naming file and field.
  public init(jsonFile path: FilePath, metadata: MetadataPolicy = .normalized) throws(AssemblyError) {
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path, limit: 256 << 20) } catch {
      throw AssemblyError(.fileUnreadable, "file map: \(error.message)")
    }
    do { try self.init(JSON(parsing: bytes, valueLimit: .max), path: "files", metadata: metadata) } catch {
      throw AssemblyError(.invalidSource, "file map '\(path)': \(error)")
    }
  }

  /// Reads a map; messages call it by the path.
  package init(_ json: JSON, path: String, metadata: MetadataPolicy, relativeTo directory: FilePath? = nil) throws {
    self.init(metadata: metadata)
    guard let object = json.objectValue else { throw OCIError(.invalidDocument, "\(path) must be an object") }
    if object.members.allSatisfy({ $0.name.hasPrefix("/") }) {
      try addFiles(json, path, directory)
      return
    }
    var fields = try FieldReader(json, path: path)
    if let files = try fields.value("files") { try addFiles(files, "\(path).files", directory) }
    for (link, target) in (try fields.stringMap("symlinks") ?? [:]).sorted(by: { byteOrder($0.key, $1.key) }) {
      entries.append(LayerEntry(FilePath(link), .symlink(target: Array(target.utf8))))
    }
    try addDirectories(&fields, path)
    if let metadata = try fields.value("metadata") { try addMetadata(metadata, "\(path).metadata") }
    excluded = try (fields.strings("exclude") ?? []).map { try PathPattern($0) }
    followsLinks = try fields.bool("followLinks") ?? false
    if let stray = fields.remainder.members.first, stray.value.stringValue != nil {
      throw fields.error(stray.name, "is no path in the image, which must begin with '/'")
    }
    try fields.requireNothingElse()
  }

  private mutating func addFiles(_ json: JSON, _ field: String, _ directory: FilePath?) throws {
    guard let members = json.objectValue?.members else {
      throw OCIError(.invalidDocument, "\(field) must be an object")
    }
    for (name, value) in members {
      let path = FilePath(name)
      guard path.isAbsolute else {
        throw OCIError(.invalidDocument, "\(field).\(name): a path in the image must begin with '/'")
      }
      func host(_ text: String) -> FilePath {
        let path = FilePath(text)
        return path.isAbsolute || directory == nil ? path : directory!.appending(path.components).lexicallyNormalized()
      }
      if let text = value.stringValue {
        add(host(text), at: path)
        continue
      }
      var fields = try FieldReader(value, path: "\(field).\(name)")
      let source = try fields.string("source")
      let content = try fields.string("content")
      let change = try MetadataFields.read(&fields)
      try fields.requireNothingElse()
      switch (source, content) {
      case (let source?, nil):
        add(host(source), at: path)
        changes.append(Change(PathPattern(exactly: path), change))
      case (nil, let content?):
        entries.append(LayerEntry(path, .file(Array(content.utf8))))
        changes.append(Change(PathPattern(exactly: path), change))
      default: throw fields.error("source", "or content is needed, and not both")
      }
    }
  }

  private mutating func addDirectories(_ fields: inout FieldReader, _ path: String) throws {
    guard let json = try fields.value("directories") else { return }
    if let list = json.arrayValue {
      for (index, item) in list.enumerated() {
        guard let text = item.stringValue else { throw fields.error("directories[\(index)]", "must be a path") }
        entries.append(LayerEntry(FilePath(text), .directory))
      }
      return
    }
    guard let members = json.objectValue?.members else {
      throw fields.error("directories", "must be a list of paths, or an object of paths and their metadata")
    }
    for (name, value) in members {
      var reader = try FieldReader(value, path: "\(path).directories.\(name)")
      var change = try MetadataFields.read(&reader)
      change.directoryMode = change.directoryMode ?? change.fileMode
      try reader.requireNothingElse()
      entries.append(LayerEntry(FilePath(name), .directory))
      changes.append(Change(PathPattern(exactly: FilePath(name)), change))
    }
  }

  private mutating func addMetadata(_ json: JSON, _ field: String) throws {
    guard let members = json.objectValue?.members else {
      throw OCIError(.invalidDocument, "\(field) must be an object")
    }
    for (name, value) in members {
      var fields = try FieldReader(value, path: "\(field).\(name)")
      let change = try MetadataFields.read(&fields)
      try fields.requireNothingElse()
      let isDefault = name == "default"
      let all = Change(try PathPattern(isDefault ? "**" : name), change, isRequired: !isDefault)
      if isDefault { changes.insert(all, at: 0) } else { changes.append(all) }
    }
  }
}

/// Metadata as people write it.
enum MetadataFields {
  static func read(_ fields: inout FieldReader) throws -> MetadataChange {
    var change = MetadataChange(
      fileMode: try fields.octal("mode"), directoryMode: try fields.octal("directory_mode"),
      uid: try fields.integer("uid"), gid: try fields.integer("gid"), userName: try fields.string("uname"),
      groupName: try fields.string("gname"))
    if let time = try fields.value("mtime") {
      guard let seconds = time.integerValue ?? time.stringValue.flatMap(Timestamp.seconds) else {
        throw fields.error("mtime", "must be seconds since 1970, or RFC 3339 such as 2026-01-31T12:00:00Z")
      }
      change.modificationTime = seconds
    }
    for (name, text) in try fields.stringMap("xattrs") ?? [:] { change.extendedAttributes[name] = Array(text.utf8) }
    if let capabilities = try fields.string("capabilities") {
      change.extendedAttributes[ExtendedAttribute.capabilityName] = try ExtendedAttribute.fileCapabilities(capabilities)
    }
    for (name, text) in try fields.stringMap("pax_records") ?? [:] { change.paxRecords[name] = Array(text.utf8) }
    return change
  }
}
