public import SystemPackage
public import Tarball

/// The files that programs expect of a system, for images without a distribution below them. Each is a recipe, to be merged with
/// others.
public enum SystemFiles {
  /// A user of `/etc/passwd`.
  public struct User: Sendable, Hashable {
    /// The login name.
    public var name: String
    /// The number.
    public var uid: Int64
    /// The number of the first group.
    public var gid: Int64
    /// The home directory, which is made, 0700.
    public var home: FilePath
    /// The program that a login starts.
    public var shell: String
    /// A name for people.
    public var comment: String

    /// Creates a user.
    public init(
      _ name: String, uid: Int64, gid: Int64? = nil, home: FilePath? = nil, shell: String = "/sbin/nologin",
      comment: String = ""
    ) {
      self.name = name
      self.uid = uid
      self.gid = gid ?? uid
      self.home = home ?? FilePath("/home").appending(name)
      self.shell = shell
      self.comment = comment
    }

    /// `root`, at `/root`.
    public static let root = User("root", uid: 0, home: "/root", shell: "/bin/sh", comment: "root")
    /// `nobody`, 65534, without a home.
    public static let nobody = User("nobody", uid: 65_534, home: "/nonexistent", comment: "nobody")

    /// Reads `NAME:UID[:GID[:HOME[:SHELL]]]`, `root` or `nobody`.
    /// - Throws: `AssemblyError.Code.invalidSource`.
    public init(parsing text: String) throws(AssemblyError) {
      if let known = [User.root, .nobody].first(where: { $0.name == text }) {
        self = known
        return
      }
      let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard (2...5).contains(parts.count), User.isName(parts[0]), let uid = Int64(parts[1]), uid >= 0,
        let gid = parts.count < 3 || parts[2].isEmpty ? uid : Int64(parts[2]), gid >= 0
      else {
        throw AssemblyError(
          .invalidSource, "user '\(text)' must be NAME:UID[:GID[:HOME[:SHELL]]], e.g. app:1000:1000:/app")
      }
      self.init(parts[0], uid: uid, gid: gid)
      if parts.count > 3, !parts[3].isEmpty { home = FilePath(parts[3]) }
      if parts.count > 4, !parts[4].isEmpty { shell = parts[4] }
      guard home.isAbsolute else { throw AssemblyError(.invalidSource, "user '\(text)': the home must begin with '/'") }
    }

    fileprivate static func isName(_ text: String) -> Bool {
      !text.isEmpty && text.utf8.count <= 32
        && text.utf8.allSatisfy {
          UInt8(ascii: "!") < $0 && $0 < 0x7F && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/")
        }
    }
  }

  /// A group of `/etc/group`.
  public struct Group: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The number.
    public var gid: Int64
    /// The names of its users, beside those whose first group it is.
    public var members: [String]

    /// Creates a group.
    public init(_ name: String, gid: Int64, members: [String] = []) {
      self.name = name
      self.gid = gid
      self.members = members
    }
  }

  /// `/etc/passwd`, `/etc/group` and the homes. Groups of users that none of `groups` is are added under the user's name.
  /// - Throws: `AssemblyError.Code.invalidSource` for names and numbers that occur twice, or that the files cannot hold.
  public static func accounts(_ users: [User], groups: [Group] = []) throws(AssemblyError) -> LayerRecipe {
    var groups = groups
    for user in users where !groups.contains(where: { $0.gid == user.gid }) {
      groups.append(Group(user.name == "nobody" ? "nogroup" : user.name, gid: user.gid))
    }
    for (names, numbers) in [(users.map(\.name), users.map(\.uid)), (groups.map(\.name), groups.map(\.gid))] {
      guard Set(names).count == names.count, Set(numbers).count == numbers.count else {
        throw AssemblyError(
          .invalidSource, "users or groups have one name or number twice: \(names.joined(separator: ", "))")
      }
      if let name = names.first(where: { !User.isName($0) }) {
        throw AssemblyError(.invalidSource, "'\(name)' is no name for a user or group")
      }
    }
    for user in users {
      for field in [user.comment, user.home.string, user.shell]
      where field.contains(where: { $0 == ":" || $0.isNewline }) {
        throw AssemblyError(.invalidSource, "'\(field)' of user '\(user.name)' may not contain ':' or line ends")
      }
    }
    let passwd = users.map { "\($0.name):x:\($0.uid):\($0.gid):\($0.comment):\($0.home):\($0.shell)\n" }.joined()
    let group = groups.map { "\($0.name):x:\($0.gid):\($0.members.joined(separator: ","))\n" }.joined()
    let homes = users.filter { $0.home != "/nonexistent" && $0.home != "/" }.map {
      LayerEntry($0.home, .directory, mode: 0o700, uid: $0.uid, gid: $0.gid)
    }
    return LayerRecipe([], entries: [text("/etc/passwd", passwd), text("/etc/group", group)] + homes)
  }

  /// A bundle of certificate authorities of the host, in the places where programs look for it.
  public static func certificates(_ bundle: FilePath) -> LayerRecipe {
    let place: FilePath = "/etc/ssl/certs/ca-certificates.crt"
    var source = LayerRecipe.Source(bundle, at: place)
    source.followsLinks = true
    let links: [(FilePath, String)] = [
      ("/etc/ssl/cert.pem", "certs/ca-certificates.crt"), ("/etc/ssl/certs/ca-bundle.crt", "ca-certificates.crt"),
      ("/etc/pki/tls/certs/ca-bundle.crt", "../../../ssl/certs/ca-certificates.crt"),
    ]
    let entries = links.map { LayerEntry($0, .symlink(target: Array($1.utf8))) }
    let recipe = LayerRecipe([source], entries: entries)
    // Whatever umask its file was written with.
    return (try? recipe.changing(PathPattern(exactly: place), .mode(0o644))) ?? recipe
  }

  /// `/etc/os-release`, its variables in the order given.
  /// - Throws: `AssemblyError.Code.invalidSource` for names that are no variables.
  public static func osRelease(_ variables: [(name: String, value: String)]) throws(AssemblyError) -> LayerRecipe {
    var lines = ""
    for (name, value) in variables {
      let isName = name.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
      guard isName, !name.isEmpty, !value.contains(where: \.isNewline) else {
        throw AssemblyError(
          .invalidSource, "os-release: '\(name)' must be capital letters, digits and '_', its value one line")
      }
      let quoted = value.map { "\"\\$`".contains($0) ? "\\\($0)" : "\($0)" }.joined()
      lines += "\(name)=\"\(quoted)\"\n"
    }
    return LayerRecipe([], entries: [text("/etc/os-release", lines)])
  }

  /// `/etc/nsswitch.conf`: accounts from files, hosts from files, then DNS.
  public static let nameServices = LayerRecipe(
    [], entries: [text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")])

  /// `/tmp` and `/var/tmp`, which everybody may write to and nobody may take from others.
  public static let temporaryDirectories = LayerRecipe(
    [], entries: [LayerEntry("/tmp", .directory, mode: 0o1777), LayerEntry("/var/tmp", .directory, mode: 0o1777)])

  /// The directories that systems have, empty.
  public static let skeleton = LayerRecipe(
    [],
    entries: [
      "/dev", "/etc", "/home", "/mnt", "/opt", "/proc", "/run", "/srv", "/sys", "/usr", "/var", "/var/cache",
      "/var/lib", "/var/log",
    ]
    .map { LayerEntry(FilePath($0), .directory) } + [LayerEntry("/root", .directory, mode: 0o700)]
  )
  .merged(with: temporaryDirectories)

  private static func text(_ path: FilePath, _ text: String) -> LayerEntry { LayerEntry(path, .file(Array(text.utf8))) }
}
