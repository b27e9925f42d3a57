/// How the metadata of files is written into a layer. Never anything that differs between two machines with equal trees: no
/// times of the host, no hard links by inode, and owner names and extended attributes only where the policy says so.
public struct MetadataPolicy: Sendable, Hashable {
  /// How entries are named.
  public enum Naming: Sendable, Hashable {
    /// `a/b`, directories `a/`, nothing for the root: as Docker, BuildKit and podman do.
    case relative
    /// `/a/b`, directories without a slash at the end, and one entry for `/`: as nix2container does.
    case absolute
  }

  /// Which permission bits files and directories have.
  public enum Modes: Sendable, Hashable {
    /// Those of the source. A store has reduced them already; elsewhere they depend on the umask of whoever wrote the files.
    case asTheyAre
    /// 0755 for directories and for files that their owner may execute, 0644 for all others. What is described, and what
    /// rules change, is not touched.
    case normalized
  }

  /// Which files share their content by hard links.
  public enum HardLinks: Sendable, Hashable {
    /// None: each file is written whole.
    case never
    /// Files of at least one byte with equal content, mode, owner and extended attributes: all but the first, in the order
    /// of the archive, are hard links to it. Every file whose size occurs twice is read one time more. Links of the host do
    /// not matter.
    case byContent
  }

  /// Which extended attributes of the host are written.
  public struct ExtendedAttributes: Sendable, Hashable {
    /// Names that are written, such as `security.capability`.
    public var names: Set<String>
    /// Beginnings of names that are written, such as `user.`.
    public var prefixes: Set<String>

    /// Creates a choice.
    public init(names: Set<String> = [], prefixes: Set<String> = []) {
      self.names = names
      self.prefixes = prefixes
    }

    /// None.
    public static let none = ExtendedAttributes()
    /// File capabilities alone (`security.capability`).
    public static let capabilities = ExtendedAttributes(names: ["security.capability"])
    /// File capabilities and whatever users have set (`user.`).
    public static let portable = ExtendedAttributes(names: ["security.capability"], prefixes: ["user."])

    var isEmpty: Bool { names.isEmpty && prefixes.isEmpty }

    func admits(_ name: ArraySlice<UInt8>) -> Bool {
      names.contains { name.elementsEqual($0.utf8) } || prefixes.contains { name.starts(with: $0.utf8) }
    }
  }

  /// The time of every entry, in seconds since 1970; 1 as in a Nix store.
  public var modificationTime: Int64
  /// The owner of every entry.
  public var uid: Int64
  /// The group of every entry.
  public var gid: Int64
  /// The owner's name in every entry; empty for none.
  public var userName: String
  /// The group's name in every entry; empty for none.
  public var groupName: String
  /// How entries are named.
  public var naming: Naming
  /// Which files share their content.
  public var hardLinks: HardLinks
  /// Which permission bits files and directories have.
  public var modes = Modes.asTheyAre
  /// Which extended attributes of the host are written.
  public var extendedAttributes: ExtendedAttributes

  /// Creates a policy. A symbolic link's mode is always 0777.
  public init(
    modificationTime: Int64 = 1, uid: Int64 = 0, gid: Int64 = 0, userName: String = "", groupName: String = "",
    naming: Naming = .relative, hardLinks: HardLinks = .never, extendedAttributes: ExtendedAttributes = .none
  ) {
    self.modificationTime = modificationTime
    self.uid = uid
    self.gid = gid
    self.userName = userName
    self.groupName = groupName
    self.naming = naming
    self.hardLinks = hardLinks
    self.extendedAttributes = extendedAttributes
  }

  /// The rules of nix2container: absolute names, owner `root`:`root`, time 1.
  public static let nix2container = MetadataPolicy(userName: "root", groupName: "root", naming: .absolute)

  func mode(_ mode: UInt32, isDirectory: Bool) -> UInt32 {
    switch modes {
    case .asTheyAre: mode
    case .normalized: isDirectory || mode & 0o100 != 0 ? 0o755 : 0o644
    }
  }

  var fingerprint: String {
    var parts = ["mtime=\(modificationTime) uid=\(uid) gid=\(gid)"]
    if !userName.isEmpty || !groupName.isEmpty {
      parts.append("names=\(escaped(userName.utf8)):\(escaped(groupName.utf8))")
    }
    if naming == .absolute { parts.append("naming=absolute") }
    if modes == .normalized { parts.append("modes=normalized") }
    if hardLinks == .byContent { parts.append("links=content") }
    if !extendedAttributes.isEmpty {
      let names = extendedAttributes.names.map { escaped($0.utf8) }.sorted()
      let prefixes = extendedAttributes.prefixes.map { "\(escaped($0.utf8))*" }.sorted()
      parts.append("xattrs=\((names + prefixes).joined(separator: ","))")
    }
    return parts.joined(separator: " ")
  }
}
