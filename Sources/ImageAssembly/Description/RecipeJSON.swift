package import OCICore
internal import SystemPackage
internal import Tarball

/// Recipes as JSON. `docs/image-description.md` has the form.
struct RecipeJSON {
  let paths: DescribedPaths

  // MARK: Writing

  func json(_ recipe: LayerRecipe, metadata common: MetadataPolicy?) throws(AssemblyError) -> JSON {
    var object = JSON.Object()
    var sources: [JSON] = []
    for source in recipe.sources { sources.append(try json(source)) }
    if !sources.isEmpty { object["sources"] = .array(sources) }
    if !recipe.entries.isEmpty {
      var entries: [JSON] = []
      for entry in recipe.entries { entries.append(try json(entry)) }
      object["entries"] = .array(entries)
    }
    if !recipe.parentRules.isEmpty {
      var rules: [JSON] = []
      for rule in recipe.parentRules { rules.append(try json(rule)) }
      object["parentRules"] = .array(rules)
    }
    if recipe.metadata != common { object["metadata"] = Self.json(recipe.metadata) }
    if recipe.conflicts == .lastWins { object["conflicts"] = "lastWins" }
    return .object(object)
  }

  private func json(_ source: LayerRecipe.Source) throws(AssemblyError) -> JSON {
    var object: JSON.Object = [
      "path": .string(try paths.written(source.host)), "at": .string(try paths.text(source.destination)),
    ]
    switch source.form {
    case .tree: break
    case .verbatimTar: object["form"] = "verbatimTar"
    case .archive(let options):
      object["form"] = "archive"
      if options.keepsOwnersAndTimes { object["keepsOwnersAndTimes"] = .bool(true) }
      if options.keepsExtendedAttributes { object["keepsExtendedAttributes"] = .bool(true) }
      if options.allowsDevices { object["allowsDevices"] = .bool(true) }
    }
    if !source.subtree.components.isEmpty { object["subtree"] = .string(try paths.text(source.subtree)) }
    if source.allowsMissing { object["optional"] = .bool(true) }
    if source.followsLinks { object["followsLinks"] = .bool(true) }
    if !source.rules.isEmpty {
      var rules: [JSON] = []
      for rule in source.rules { rules.append(try json(rule)) }
      object["rules"] = .array(rules)
    }
    return .object(object)
  }

  private func json(_ rule: PathRule) throws(AssemblyError) -> JSON {
    var object = JSON.Object()
    for kind in PathPattern.Kind.allCases {
      let texts = rule.patterns.filter { $0.kind == kind }.map(\.description)
      if !texts.isEmpty { object["\(kind.rawValue)s"] = .strings(texts) }
    }
    switch rule.action {
    case .exclude: object["action"] = "exclude"
    case .include: object["action"] = "include"
    case .change(let change):
      object["action"] = "change"
      object["change"] = Self.json(change)
    }
    if !rule.isRecursive { object["recursive"] = .bool(false) }
    if rule.isRequired { object["required"] = .bool(true) }
    object["base"] = .string(try paths.text(rule.base))
    return .object(object)
  }

  private func json(_ entry: LayerEntry) throws(AssemblyError) -> JSON {
    var object: JSON.Object = ["path": .string(try paths.text(entry.path))]
    func kind(_ name: String) { object["kind"] = .string(name) }
    switch entry.kind {
    case .file(let bytes):
      kind("file")
      object["content"] = .string(Base64.encode(bytes))
    case .directory: kind("directory")
    case .symlink(let target):
      kind("symlink")
      object["target"] = .string(try paths.text(target))
    case .hardLink(let target):
      kind("hardLink")
      object["target"] = .string(try paths.text(target))
    case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
      if case .blockDevice = entry.kind { kind("blockDevice") } else { kind("characterDevice") }
      object["major"] = .integer(major)
      object["minor"] = .integer(minor)
    case .fifo: kind("fifo")
    case .whiteout: kind("whiteout")
    case .opaqueDirectory: kind("opaqueDirectory")
    }
    if let mode = entry.mode { object["mode"] = Self.octal(mode) }
    if let uid = entry.uid { object["uid"] = .integer(uid) }
    if let gid = entry.gid { object["gid"] = .integer(gid) }
    if let name = entry.userName { object["userName"] = .string(name) }
    if let name = entry.groupName { object["groupName"] = .string(name) }
    if let time = entry.modificationTime { object["modificationTime"] = .integer(time) }
    Self.add(entry.extendedAttributes, "extendedAttributes", to: &object)
    Self.add(entry.paxRecords, "paxRecords", to: &object)
    return .object(object)
  }

  private static func json(_ change: MetadataChange) -> JSON {
    var object = JSON.Object()
    if let mode = change.fileMode { object["fileMode"] = octal(mode) }
    if let mode = change.directoryMode { object["directoryMode"] = octal(mode) }
    if let mode = change.linkMode { object["linkMode"] = octal(mode) }
    if let mode = change.addedMode { object["addedMode"] = octal(mode) }
    if let uid = change.uid { object["uid"] = .integer(uid) }
    if let gid = change.gid { object["gid"] = .integer(gid) }
    if let name = change.userName { object["userName"] = .string(name) }
    if let name = change.groupName { object["groupName"] = .string(name) }
    if let time = change.modificationTime { object["modificationTime"] = .integer(time) }
    add(change.extendedAttributes, "extendedAttributes", to: &object)
    add(change.paxRecords, "paxRecords", to: &object)
    return .object(object)
  }

  static func json(_ policy: MetadataPolicy) -> JSON {
    var object: JSON.Object = ["modificationTime": .integer(policy.modificationTime)]
    if policy.uid != 0 { object["uid"] = .integer(policy.uid) }
    if policy.gid != 0 { object["gid"] = .integer(policy.gid) }
    if !policy.userName.isEmpty { object["userName"] = .string(policy.userName) }
    if !policy.groupName.isEmpty { object["groupName"] = .string(policy.groupName) }
    if policy.naming == .absolute { object["naming"] = "absolute" }
    if policy.modes == .normalized { object["modes"] = "normalized" }
    if policy.hardLinks == .byContent { object["hardLinks"] = "byContent" }
    let attributes = policy.extendedAttributes
    if !attributes.names.isEmpty { object["attributeNames"] = .strings(attributes.names.sorted(by: byteOrder)) }
    if !attributes.prefixes.isEmpty {
      object["attributePrefixes"] = .strings(attributes.prefixes.sorted(by: byteOrder))
    }
    return .object(object)
  }

  private static func add(_ values: [String: [UInt8]], _ name: String, to object: inout JSON.Object) {
    guard !values.isEmpty else { return }
    object[name] = .strings(values.mapValues { Base64.encode($0) })
  }

  static func octal(_ mode: UInt32) -> JSON {
    let digits = String(mode, radix: 8)
    return .string(String(repeating: "0", count: max(0, 4 - digits.count)) + digits)
  }

  // MARK: Reading

  func recipe(_ json: JSON, _ field: String, metadata common: MetadataPolicy) throws -> LayerRecipe {
    var fields = try FieldReader(json, path: field)
    var recipe = LayerRecipe([], metadata: common)
    for (index, source) in (try fields.list("sources") ?? []).enumerated() {
      recipe.sources.append(try self.source(source, "\(field).sources[\(index)]"))
    }
    for (index, entry) in (try fields.list("entries") ?? []).enumerated() {
      recipe.entries.append(try self.entry(entry, "\(field).entries[\(index)]"))
    }
    for (index, rule) in (try fields.list("parentRules") ?? []).enumerated() {
      recipe.parentRules.append(try self.rule(rule, "\(field).parentRules[\(index)]"))
    }
    if let metadata = try fields.value("metadata") {
      recipe.metadata = try Self.policy(metadata, "\(field).metadata")
    }
    recipe.conflicts = try fields.choice("conflicts", ["refuse": .refuse, "lastWins": .lastWins]) ?? .refuse
    try fields.requireNothingElse()
    return recipe
  }

  private func source(_ json: JSON, _ field: String) throws -> LayerRecipe.Source {
    var fields = try FieldReader(json, path: field)
    let path = try fields.required("path") { (fields, name) throws(OCIError) in try fields.string(name) }
    let at = try fields.required("at") { (fields, name) throws(OCIError) in try fields.string(name) }
    var source = LayerRecipe.Source(paths.read(path), at: FilePath(at))
    let options = ArchiveReadOptions(
      keepsOwnersAndTimes: try fields.bool("keepsOwnersAndTimes") ?? false,
      keepsExtendedAttributes: try fields.bool("keepsExtendedAttributes") ?? false,
      allowsDevices: try fields.bool("allowsDevices") ?? false)
    source.form =
      try fields.choice("form", ["tree": .tree, "archive": .archive(options), "verbatimTar": .verbatimTar]) ?? .tree
    source.subtree = FilePath(try fields.string("subtree") ?? "")
    source.allowsMissing = try fields.bool("optional") ?? false
    source.followsLinks = try fields.bool("followsLinks") ?? false
    for (index, rule) in (try fields.list("rules") ?? []).enumerated() {
      source.rules.append(try self.rule(rule, "\(field).rules[\(index)]"))
    }
    try fields.requireNothingElse()
    return source
  }

  private func rule(_ json: JSON, _ field: String) throws -> PathRule {
    var fields = try FieldReader(json, path: field)
    var patterns: [PathPattern] = []
    for kind in PathPattern.Kind.allCases {
      for text in try fields.strings("\(kind.rawValue)s") ?? [] { patterns.append(try PathPattern(text, kind: kind)) }
    }
    let change = try fields.value("change").map { try Self.change($0, "\(field).change") } ?? MetadataChange()
    let action = try fields.choice(
      "action", ["exclude": PathRule.Action.exclude, "include": .include, "change": .change(change)])
    guard let action, !patterns.isEmpty else { throw fields.error("action", "or the patterns are missing") }
    let rule = PathRule(
      patterns, action, isRecursive: try fields.bool("recursive") ?? true,
      isRequired: try fields.bool("required") ?? false, base: FilePath(try fields.string("base") ?? "/"))
    try fields.requireNothingElse()
    return rule
  }

  private func entry(_ json: JSON, _ field: String) throws -> LayerEntry {
    var fields = try FieldReader(json, path: field)
    let path = try fields.required("path") { (fields, name) throws(OCIError) in try fields.string(name) }
    let target = try fields.string("target") ?? ""
    let content = try fields.base64("content") ?? []
    let (major, minor) = (try fields.number("major") ?? 0, try fields.number("minor") ?? 0)
    let kinds: [String: LayerEntry.Kind] = [
      "file": .file(content), "directory": .directory, "symlink": .symlink(target: Array(target.utf8)),
      "hardLink": .hardLink(to: FilePath(target)), "characterDevice": .characterDevice(major: major, minor: minor),
      "blockDevice": .blockDevice(major: major, minor: minor), "fifo": .fifo, "whiteout": .whiteout,
      "opaqueDirectory": .opaqueDirectory,
    ]
    guard let kind = try fields.choice("kind", kinds) else { throw fields.error("kind", "is missing") }
    var entry = LayerEntry(FilePath(path), kind)
    entry.mode = try fields.octal("mode")
    entry.uid = try fields.integer("uid")
    entry.gid = try fields.integer("gid")
    entry.userName = try fields.string("userName")
    entry.groupName = try fields.string("groupName")
    entry.modificationTime = try fields.integer("modificationTime")
    entry.extendedAttributes = try fields.bytesMap("extendedAttributes")
    entry.paxRecords = try fields.bytesMap("paxRecords")
    try fields.requireNothingElse()
    return entry
  }

  private static func change(_ json: JSON, _ field: String) throws -> MetadataChange {
    var fields = try FieldReader(json, path: field)
    var change = MetadataChange(
      fileMode: try fields.octal("fileMode"), directoryMode: try fields.octal("directoryMode"),
      uid: try fields.integer("uid"), gid: try fields.integer("gid"), userName: try fields.string("userName"),
      groupName: try fields.string("groupName"), modificationTime: try fields.integer("modificationTime"),
      extendedAttributes: try fields.bytesMap("extendedAttributes"), paxRecords: try fields.bytesMap("paxRecords"))
    change.linkMode = try fields.octal("linkMode")
    change.addedMode = try fields.octal("addedMode")
    try fields.requireNothingElse()
    return change
  }

  static func policy(_ json: JSON, _ field: String) throws -> MetadataPolicy {
    var fields = try FieldReader(json, path: field)
    var policy = MetadataPolicy(
      modificationTime: try fields.integer("modificationTime") ?? 1, uid: try fields.integer("uid") ?? 0,
      gid: try fields.integer("gid") ?? 0, userName: try fields.string("userName") ?? "",
      groupName: try fields.string("groupName") ?? "")
    policy.naming = try fields.choice("naming", ["relative": .relative, "absolute": .absolute]) ?? .relative
    policy.modes = try fields.choice("modes", ["asTheyAre": .asTheyAre, "normalized": .normalized]) ?? .asTheyAre
    policy.hardLinks = try fields.choice("hardLinks", ["never": .never, "byContent": .byContent]) ?? .never
    policy.extendedAttributes = .init(
      names: Set(try fields.strings("attributeNames") ?? []),
      prefixes: Set(try fields.strings("attributePrefixes") ?? []))
    try fields.requireNothingElse()
    return policy
  }
}

/// Host paths as a description has them: absolute ones as they are, others relative to its directory.
struct DescribedPaths {
  /// The description's directory.
  let directory: FilePath

  func written(_ path: FilePath) throws(AssemblyError) -> String {
    guard !path.isAbsolute else { return try text(path) }
    let here = FileSystem.workingDirectory
    let target = here.appending(path.components).lexicallyNormalized()
    let origin = (directory.isAbsolute ? directory : here.appending(directory.components)).lexicallyNormalized()
    let (ours, theirs) = (Array(target.components), Array(origin.components))
    let common = zip(ours, theirs).prefix { $0 == $1 }.count
    let up = Array(repeating: FilePath.Component(".."), count: theirs.count - common)
    let relative = FilePath(root: nil, up + ours[common...])
    return relative.isEmpty ? "." : try text(relative)
  }

  func read(_ text: String) -> FilePath {
    let path = FilePath(text)
    guard !path.isAbsolute, !directory.isEmpty else { return path }
    return directory.appending(path.components).lexicallyNormalized()
  }

  func text(_ path: FilePath) throws(AssemblyError) -> String {
    let text = path.string
    guard FilePath(text) == path else {
      throw AssemblyError(
        .invalidDescription, "'\(text)' is no UTF-8, so no description can hold it; rename it")
    }
    return text
  }

  func text(_ bytes: [UInt8]) throws(AssemblyError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw AssemblyError(
        .invalidDescription,
        "the link target '\(String(decoding: bytes, as: UTF8.self))' is no UTF-8, so no description can hold it")
    }
    return text
  }
}

extension FieldReader {
  /// One of several words.
  package mutating func choice<Value>(_ field: String, _ values: [String: Value]) throws(OCIError) -> Value? {
    guard let text = try string(field) else { return nil }
    guard let value = values[text] else {
      throw error(field, "is '\(text)'; it must be one of \(values.keys.sorted(by: byteOrder).joined(separator: ", "))")
    }
    return value
  }

  mutating func octal(_ field: String) throws(OCIError) -> UInt32? {
    guard let text = try string(field) else { return nil }
    guard let mode = UInt32(text, radix: 8), mode < 1 << 12 else {
      throw error(field, "is '\(text)'; it must be octal digits in quotes, at most \"7777\"")
    }
    return mode
  }

  mutating func number(_ field: String) throws(OCIError) -> UInt32? {
    guard let value = try integer(field) else { return nil }
    guard let number = UInt32(exactly: value) else { throw error(field, "must be a number of 32 bits") }
    return number
  }

  mutating func bytesMap(_ field: String) throws(OCIError) -> [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    for (name, text) in try stringMap(field) ?? [:] {
      guard let bytes = Base64.decode(text) else { throw error("\(field).\(name)", "must be base64") }
      result[name] = bytes
    }
    return result
  }

  /// What nobody has asked for is not passed over: it might mean other bytes.
  package func requireNothingElse() throws(OCIError) {
    if let stray = remainder.members.first {
      throw error(
        stray.name, "is no member that this version knows; use the version that wrote it, or correct its name")
    }
  }
}
