public import SystemPackage

/// What becomes of some of the paths that a source brings.
public struct PathRule: Sendable, Hashable {
  /// What becomes of a path.
  public enum Action: Sendable, Hashable {
    /// It is left out, with everything in it.
    case exclude
    /// It is kept, with everything in it and the directories above it; everything else is left out.
    case include
    /// It is written with other metadata.
    case change(MetadataChange)
  }

  /// Which paths: those that match any of these.
  public var patterns: [PathPattern]
  /// What becomes of them.
  public var action: Action
  /// Whether a change is for what is in matching directories as well.
  public var isRecursive: Bool
  /// Whether it is an error when nothing matches.
  public var isRequired: Bool
  /// Where the source's root is for the pattern; its destination when the rule was made, so that moving it changes nothing.
  public var base: FilePath

  /// Creates a rule.
  /// - Parameters:
  ///   - patterns: Which paths: those that match any of these.
  ///   - action: What becomes of them.
  ///   - isRecursive: Whether a change is for what is in matching directories as well.
  ///   - isRequired: Whether it is an error when nothing matches.
  ///   - base: The path of the source's root for the pattern.
  public init(
    _ patterns: [PathPattern], _ action: Action, isRecursive: Bool = true, isRequired: Bool = false, base: FilePath
  ) {
    self.patterns = patterns
    self.action = action
    self.isRecursive = isRecursive
    self.isRequired = isRequired
    self.base = base
  }

  static func unmatched(_ patterns: [PathPattern]) -> TarballError {
    let names = patterns.map { "'\($0)'" }.joined(separator: ", ")
    return TarballError(
      .invalidRecipe,
      "nothing in the layer matches \(names), for which metadata is given; correct the path, or take it out")
  }

  /// - Parameter expressions: Those of the patterns, compiled.
  func matches(_ path: [UInt8], _ expressions: [PathPattern.Expression] = []) -> Bool {
    if !expressions.isEmpty {
      return expressions.contains { $0.matches(path) }
        || patterns.contains { !$0.isExpression && (isRecursive ? $0.matchesOrContains(path) : $0.matches(path)) }
    }
    return patterns.contains { isRecursive ? $0.matchesOrContains(path) : $0.matches(path) }
  }

  var fingerprint: String {
    let what =
      switch action {
      case .exclude: "exclude"
      case .include: "include"
      case .change(let change): "change(\(change.fingerprint))"
      }
    return
      "\(what)\(isRecursive ? "*" : "") \(patterns.map { "\($0.kind.rawValue):" + escaped($0.description.utf8) }.joined(separator: ",")) at \(escaped(base))"
  }
}

/// Other metadata for a path; what is `nil` stays.
public struct MetadataChange: Sendable, Hashable {
  /// The permission bits of what is no directory and no link, with setuid, setgid and sticky.
  public var fileMode: UInt32?
  /// The permission bits of directories.
  public var directoryMode: UInt32?
  /// The permission bits of symbolic links, which hardly any reader looks at.
  public var linkMode: UInt32?
  /// Permission bits that files and directories get beside those they have.
  public var addedMode: UInt32?
  /// The owner.
  public var uid: Int64?
  /// The group.
  public var gid: Int64?
  /// The owner's name; empty for none.
  public var userName: String?
  /// The group's name; empty for none.
  public var groupName: String?
  /// Seconds since 1970.
  public var modificationTime: Int64?
  /// Extended attributes of files and directories to set, by name; one with an empty value is taken away.
  public var extendedAttributes: [String: [UInt8]]
  /// Further PAX records by key, for readers that know them. `SCHILY.xattr.NAME` is the extended attribute. Keys of
  /// which the header decides itself, such as `path` and `size`, are refused.
  public var paxRecords: [String: [UInt8]]

  /// Creates a change.
  public init(
    fileMode: UInt32? = nil, directoryMode: UInt32? = nil, uid: Int64? = nil, gid: Int64? = nil,
    userName: String? = nil, groupName: String? = nil, modificationTime: Int64? = nil,
    extendedAttributes: [String: [UInt8]] = [:], paxRecords: [String: [UInt8]] = [:]
  ) {
    self.fileMode = fileMode
    self.directoryMode = directoryMode
    self.uid = uid
    self.gid = gid
    self.userName = userName
    self.groupName = groupName
    self.modificationTime = modificationTime
    self.extendedAttributes = extendedAttributes
    self.paxRecords = paxRecords
  }

  /// A change of the owner: `chown uid:gid`.
  public static func owner(_ uid: Int64, _ gid: Int64) -> MetadataChange { MetadataChange(uid: uid, gid: gid) }

  /// The same mode for files and directories: `chmod`.
  public static func mode(_ mode: UInt32) -> MetadataChange { MetadataChange(fileMode: mode, directoryMode: mode) }

  func apply(to entry: inout TarEntry) {
    switch entry.kind {
    case .directory: entry.mode = (directoryMode ?? entry.mode) | (addedMode ?? 0)
    case .symlink: entry.mode = linkMode ?? entry.mode
    default: entry.mode = (fileMode ?? entry.mode) | (addedMode ?? 0)
    }
    entry.uid = uid ?? entry.uid
    entry.gid = gid ?? entry.gid
    if let userName { entry.userName = Array(userName.utf8) }
    if let groupName { entry.groupName = Array(groupName.utf8) }
    entry.modificationTime = modificationTime ?? entry.modificationTime
    switch entry.kind {
    case .file, .directory: for (name, value) in extendedAttributes { entry.set(attribute: Array(name.utf8), value) }
    default: break
    }
    for (key, value) in paxRecords { entry.set(record: Array(key.utf8), value) }
  }

  func apply(to entry: inout LayerEntry) {
    switch entry.kind {
    case .symlink, .whiteout, .opaqueDirectory: break
    case .directory: entry.mode = (directoryMode ?? entry.effectiveMode) | (addedMode ?? 0)
    default: entry.mode = (fileMode ?? entry.effectiveMode) | (addedMode ?? 0)
    }
    guard !entry.isWhiteout else { return }
    entry.uid = uid ?? entry.uid
    entry.gid = gid ?? entry.gid
    entry.userName = userName ?? entry.userName
    entry.groupName = groupName ?? entry.groupName
    entry.modificationTime = modificationTime ?? entry.modificationTime
    switch entry.kind {
    case .file, .directory: entry.extendedAttributes.merge(extendedAttributes) { $1 }
    default: break
    }
    entry.paxRecords.merge(paxRecords) { $1 }
  }

  var fingerprint: String {
    var parts: [String] = []
    func add(_ name: String, _ value: String?) { if let value { parts.append("\(name)=\(value)") } }
    add("mode", fileMode.map { String($0, radix: 8) })
    add("dirmode", directoryMode.map { String($0, radix: 8) })
    add("linkmode", linkMode.map { String($0, radix: 8) })
    add("mode+", addedMode.map { String($0, radix: 8) })
    add("uid", uid.map(String.init))
    add("gid", gid.map(String.init))
    add("uname", userName.map { escaped($0.utf8) })
    add("gname", groupName.map { escaped($0.utf8) })
    add("mtime", modificationTime.map(String.init))
    parts += Self.fingerprint("xattr", extendedAttributes) + Self.fingerprint("pax", paxRecords)
    return parts.joined(separator: ",")
  }

  static func fingerprint(_ kind: String, _ values: [String: [UInt8]]) -> [String] {
    values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
      "\(kind):\(escaped($0.key.utf8))=\(escaped($0.value))"
    }
  }
}

/// The rules of one source, ready to be asked about each path.
struct SourceRules {
  private let rules: [(rule: PathRule, prefix: [UInt8], expressions: [PathPattern.Expression])]

  /// What becomes of a path.
  enum Verdict: Equatable {
    case keep, leaveOut
    /// A directory that is kept only if something in it is.
    case undecided
  }

  /// `nil` where there is nothing to ask.
  init?(_ source: LayerRecipe.Source) {
    guard !source.rules.isEmpty else { return nil }
    rules = source.rules.map { rule in
      (
        rule, Array(HostFileSystem.path(rule.base).dropLast().drop { $0 == UInt8(ascii: "/") }),
        rule.patterns.filter(\.isExpression).map { PathPattern.Expression($0) }
      )
    }
  }

  /// - Parameter relative: The path below the source's root, without slashes at its ends; empty for the root itself.
  func verdict(_ relative: ArraySlice<UInt8>, isDirectory: Bool) -> Verdict {
    var isIncluded = true
    for (rule, prefix, expressions) in rules {
      switch rule.action {
      case .exclude: if rule.matches(Self.join(prefix, relative), expressions) { return .leaveOut }
      case .include: isIncluded = isIncluded && rule.matches(Self.join(prefix, relative), expressions)
      case .change: break
      }
    }
    return isIncluded ? .keep : isDirectory ? .undecided : .leaveOut
  }

  /// Applies the changes, the later over the earlier; tells which of the rules matched.
  func apply(to entry: inout TarEntry, _ relative: ArraySlice<UInt8>) -> [PathRule] {
    var matched: [PathRule] = []
    for (rule, prefix, expressions) in rules {
      guard case .change(let change) = rule.action else { continue }
      let path = Self.join(prefix, relative)
      guard rule.matches(path, expressions) else { continue }
      change.apply(to: &entry)
      if rule.isRequired { matched.append(rule) }
    }
    return matched
  }

  private static func join(_ prefix: [UInt8], _ relative: ArraySlice<UInt8>) -> [UInt8] {
    if prefix.isEmpty { return Array(relative) }
    return relative.isEmpty ? prefix : prefix + [UInt8(ascii: "/")] + relative
  }
}
