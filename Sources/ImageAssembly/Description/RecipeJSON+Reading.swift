internal import OCICore
internal import SystemPackage
internal import Tarball

extension RecipeJSON {
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
