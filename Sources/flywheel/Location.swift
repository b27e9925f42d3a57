import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Where an image is, or goes, by skopeo's transport names.
enum Location: Hashable {
  case layout(FilePath, name: Name?)
  case archive(FilePath, name: Name?)
  /// One image in a directory, which has no name there.
  case directory(FilePath, digest: Digest?)
  case registry(ImageReference)

  /// What an image is called there.
  enum Name: Hashable {
    case tag(String)
    case digest(Digest)
  }

  static let forms =
    "docker://HOST/REPOSITORY:TAG, oci:DIR:TAG, oci-archive:FILE:TAG or dir:DIR, each also with @DIGEST"

  static let prefixes = ["docker://", "oci:", "oci-archive:", "dir:"]

  /// Destinations that are no places: nothing is read from them.
  private static let destinations = ["docker-archive:", "hybrid-archive:", "docker-daemon:", "containers-storage:"]

  /// - Throws: `OCIError.Code.invalidReference` where a text names a destination.
  static func requirePlace(_ text: String) throws {
    guard let prefix = destinations.first(where: text.hasPrefix) else { return }
    let source = prefix == "hybrid-archive:" ? "docker-archive:" + text.dropFirst(prefix.count) : text
    throw OCIError(
      .invalidReference,
      "'\(text)' is for the --to of build, push and rebase alone; to read such an image, make a layout of it first: "
        + "skopeo copy \(source) oci:DIR:TAG")
  }

  /// Whether a text is meant for a place, and not for a file.
  static func isPlace(_ text: String) -> Bool { prefixes.contains(where: text.hasPrefix) }

  /// - Throws: `OCIError.Code.invalidReference`.
  init(_ text: String) throws {
    try Self.requirePlace(text)
    if let rest = Self.rest(of: text, after: "oci:") {
      let (path, name) = try Self.split(rest, in: text)
      self = .layout(path, name: name)
    } else if let rest = Self.rest(of: text, after: "oci-archive:") {
      let (path, name) = try Self.split(rest, in: text)
      self = .archive(path, name: name)
    } else if let rest = Self.rest(of: text, after: "dir:") {
      // All of it is the path, colons too.
      let (path, digest) = Self.splitDigest(rest)
      guard !path.isEmpty else {
        throw OCIError(.invalidReference, "'\(text)' names no directory; expected \(Self.forms)")
      }
      self = .directory(path, digest: digest)
    } else if let rest = Self.rest(of: text, after: "docker://") {
      // A name without a host would go to Docker Hub, which should be said, not guessed, of what is published.
      self = .registry(try ImageReference(String(rest), defaultHost: nil))
    } else {
      throw OCIError(.invalidReference, "'\(text)' is no place for an image; expected \(Self.forms)")
    }
  }

  private static func rest(of text: String, after prefix: String) -> Substring? {
    text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : nil
  }

  private static func splitDigest(_ rest: Substring) -> (FilePath, Digest?) {
    guard let at = rest.lastIndex(of: "@"), let digest = try? Digest(String(rest[rest.index(after: at)...])) else {
      return (FilePath(String(rest)), nil)
    }
    return (FilePath(String(rest[..<at])), digest)
  }

  private static func split(_ rest: Substring, in text: String) throws -> (FilePath, Name?) {
    if case (let path, let digest?) = splitDigest(rest) { return (path, .digest(digest)) }
    let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard !parts[0].isEmpty else {
      throw OCIError(.invalidReference, "'\(text)' names no file or directory; expected \(forms)")
    }
    guard parts.count > 1, !parts[1].isEmpty else { return (FilePath(String(parts[0])), nil) }
    let tag = String(parts[1])
    try ImageLayoutStore.validate(name: tag)
    return (FilePath(String(parts[0])), .tag(tag))
  }

  var name: Name? {
    switch self {
    case .layout(_, let name), .archive(_, let name): name
    case .directory(_, let digest): digest.map(Name.digest)
    case .registry(let reference): reference.digest.map(Name.digest) ?? reference.tag.map(Name.tag)
    }
  }

  var tag: String? {
    switch self {
    case .layout(_, .tag(let tag)), .archive(_, .tag(let tag)): tag
    case .registry(let reference): reference.tag
    default: nil
    }
  }

  /// Whether a digest says which image it is.
  var isPinned: Bool { if case .digest = name { true } else { false } }

  var isRegistry: Bool { if case .registry = self { true } else { false } }

  /// Whether there is place for one image, and no name.
  var isDirectory: Bool { if case .directory = self { true } else { false } }

  /// The place alone.
  var withoutName: Location {
    switch self {
    case .layout(let path, _): .layout(path, name: nil)
    case .archive(let path, _): .archive(path, name: nil)
    case .directory(let path, _): .directory(path, digest: nil)
    case .registry(let reference): .registry(reference.withoutTagOrDigest)
    }
  }

  /// The place as a store, for pushing and pulling.
  func store(_ client: RegistryClient) throws -> any TagStore & ReferrerStore {
    switch self {
    case .layout(let path, _): ImageLayoutStore(path)
    case .archive(let path, _): ImageArchive(path)
    case .directory(let path, _): ImageDirectory(path)
    case .registry(let reference): client.repository(reference)
    }
  }
}

extension Location: CustomStringConvertible {
  var description: String {
    func suffix(_ name: Name?) -> String {
      switch name {
      case .tag(let tag): ":\(tag)"
      case .digest(let digest): "@\(digest)"
      case nil: ""
      }
    }
    switch self {
    case .layout(let path, let name): return "oci:\(path)\(suffix(name))"
    case .archive(let path, let name): return "oci-archive:\(path)\(suffix(name))"
    case .directory(let path, let digest): return "dir:\(path)\(suffix(digest.map(Name.digest)))"
    case .registry(let reference): return "docker://\(reference)"
    }
  }
}
