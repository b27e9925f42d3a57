internal import OCICore
internal import SystemPackage
internal import Tarball

/// Recipes as JSON. `docs/image-description.md` has the form.
struct RecipeJSON {
  let paths: DescribedPaths

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
}
