internal import OCICore
internal import SystemPackage

/// Where else images are pulled from, and which registries are forbidden: containers-registries.conf(5). Pushes always go
/// where they are addressed.
public struct MirrorSettings: Sendable, Hashable {
  /// Where a pull looks.
  public struct Location: Sendable, Hashable {
    /// A host, or a host and the beginning of a repository's path, in place of the prefix.
    public var location: String
    /// Whether plain HTTP is spoken there.
    public var isInsecure = false
    /// What it is asked for.
    public var serves = Reference.all

    /// Which references a mirror is asked for.
    public enum Reference: String, Sendable, Hashable {
      /// Every reference.
      case all
      /// Those with a digest: a mirror that is behind cannot give another image then.
      case digestOnly = "digest-only"
      /// Those without a digest.
      case tagOnly = "tag-only"
    }

    /// Creates a location.
    public init(location: String, isInsecure: Bool = false, serves: Reference = .all) {
      self.location = location
      self.isInsecure = isInsecure
      self.serves = serves
    }
  }

  /// What holds for all images whose name begins so.
  public struct Rule: Sendable, Hashable {
    /// A host, a host and the beginning of a repository's path, or `*.` and the end of a host.
    public var prefix: String
    /// What is meant instead; `nil` for what was written.
    public var location: String?
    /// Whether plain HTTP is spoken there.
    public var isInsecure = false
    /// Whether it is forbidden.
    public var isBlocked = false
    /// Where to look first, in this order.
    public var mirrors: [Location] = []

    /// Creates a rule.
    public init(prefix: String) { self.prefix = prefix }
  }

  /// The rules; the one with the longest prefix counts.
  public var rules: [Rule] = []

  /// No rules.
  public init() {}

  /// Reads `$CONTAINERS_REGISTRIES_CONF`, else `~/.config/containers/registries.conf`, else `/etc/containers/registries.conf`,
  /// and the files of the `registries.conf.d` directories beside the last two.
  /// - Throws: `RegistryError.Code.invalidConfiguration`, naming file and line.
  public init(variable: (_ name: String) -> String?) throws {
    var directories: [FilePath] = ["/etc/containers"]
    if let home = variable("XDG_CONFIG_HOME").flatMap({ $0.isEmpty ? nil : FilePath($0) })
      ?? variable("HOME").map({ FilePath($0).appending(".config") })
    {
      directories.append(home.appending("containers"))
    }
    let named = variable("CONTAINERS_REGISTRIES_CONF").flatMap { $0.isEmpty ? nil : FilePath($0) }
    let main = named ?? directories.reversed().map { $0.appending("registries.conf") }.first { FileSystem.exists($0) }
    if let main { try read(main) }
    guard named == nil else { return }
    for directory in directories.map({ $0.appending("registries.conf.d") }) where FileSystem.isDirectory(directory) {
      for name in try FileSystem.names(in: directory).sorted() where name.hasSuffix(".conf") {
        try read(directory.appending(name))
      }
    }
  }

  private mutating func read(_ path: FilePath) throws {
    let text = String(decoding: try FileSystem.contents(of: path, limit: 4 << 20), as: UTF8.self)
    do { try add(ConfigurationFile(parsing: text)) } catch {
      throw RegistryError(.invalidConfiguration, "'\(path)', line \(error.line): \(error.what)")
    }
  }

  /// Adds the rules of a file; one with the same prefix replaces what was there.
  mutating func add(_ file: ConfigurationFile) throws(ConfigurationFile.Failure) {
    var added: [Rule] = []
    for table in file.tables {
      func text(_ key: String) -> String? { if case .text(let value) = table.values[key] { value } else { nil } }
      func flag(_ key: String) -> Bool { table.values[key] == .flag(true) }
      switch table.name {
      case "registry":
        guard let prefix = text("prefix") ?? text("location") else {
          throw ConfigurationFile.Failure(line: 1, what: "a [[registry]] has neither prefix nor location")
        }
        var rule = Rule(prefix: prefix)
        rule.location = text("location")
        rule.isInsecure = flag("insecure")
        rule.isBlocked = flag("blocked")
        if flag("mirror-by-digest-only") { rule.mirrors.append(Location(location: "", serves: .digestOnly)) }
        added.append(rule)
      case "registry.mirror":
        guard let location = text("location"), !added.isEmpty else {
          throw ConfigurationFile.Failure(
            line: 1, what: "a [[registry.mirror]] has no location, or no [[registry]] above it")
        }
        var mirror = Location(location: location, isInsecure: flag("insecure"))
        if let serves = text("pull-from-mirror").flatMap(Location.Reference.init) { mirror.serves = serves }
        // The mark of mirror-by-digest-only holds for all the mirrors of its registry.
        if added[added.count - 1].mirrors.first?.location == "" { mirror.serves = .digestOnly }
        added[added.count - 1].mirrors.append(mirror)
      default: break
      }
    }
    for var rule in added {
      rule.mirrors.removeAll { $0.location.isEmpty }
      rules.removeAll { $0.prefix == rule.prefix }
      rules.append(rule)
    }
  }

  /// The rule for a repository.
  func rule(for reference: ImageReference) -> Rule? {
    let name = "\(reference.host)/\(reference.repository)"
    func matches(_ prefix: String) -> Bool {
      if prefix.hasPrefix("*.") { return reference.host.hasSuffix(prefix.dropFirst()) }
      return name == prefix
        || (name.hasPrefix(prefix) && (prefix.hasSuffix("/") || name.dropFirst(prefix.count).first == "/"))
    }
    return rules.filter { matches($0.prefix) }.max { $0.prefix.utf8.count < $1.prefix.utf8.count }
  }

  /// Where to pull from, in this order; the last is the registry itself.
  /// - Throws: `RegistryError.Code.blocked`.
  func places(for reference: ImageReference, isDigest: Bool) throws -> [(reference: ImageReference, isMirror: Bool)] {
    guard let rule = rule(for: reference) else { return [(reference, false)] }
    guard !rule.isBlocked else {
      throw RegistryError(
        .blocked, "\(reference.host)/\(reference.repository) is blocked by the rule '\(rule.prefix)' in registries.conf"
      )
    }
    let mirrors = rule.mirrors.filter { $0.serves == .all || ($0.serves == .digestOnly) == isDigest }
    let own = rule.location.map { Self.replacing(rule.prefix, of: reference, by: $0) } ?? reference
    return mirrors.compactMap { mirror in
      Self.replacing(rule.prefix, of: reference, by: mirror.location).map { ($0, true) }
    } + [(own ?? reference, false)]
  }

  private static func replacing(_ prefix: String, of reference: ImageReference, by location: String) -> ImageReference?
  {
    let name = "\(reference.host)/\(reference.repository)"
    // A wildcard stands for the host alone.
    let rest = prefix.hasPrefix("*.") ? name.dropFirst(reference.host.count) : name.dropFirst(prefix.count)
    return try? ImageReference(location + rest, defaultHost: nil)
  }

  /// Whether a registry or a mirror at this host may be spoken to by plain HTTP.
  func isInsecure(_ host: String) -> Bool {
    func names(_ location: String) -> Bool { location == host || location.hasPrefix("\(host)/") }
    return rules.contains { rule in
      (rule.isInsecure && names(rule.location ?? rule.prefix))
        || rule.mirrors.contains { $0.isInsecure && names($0.location) }
    }
  }
}
