import OCICore
public import SystemPackage

/// What a layer is made of: enough to produce its bytes again, the same every time.
///
/// Sources that reach the same directory are merged; where two put different things at one path, that is an error.
/// Missing parents are made, 0755.
public struct LayerRecipe: Sendable, Hashable {
  /// A tree, file, symbolic link or archive of the host and its place in the image.
  public struct Source: Sendable, Hashable {
    /// What is taken from the host.
    public enum Form: Sendable, Hashable {
      /// What is there, as it is.
      case tree
      /// The members of an archive, in any form and compression that `Archive` reads, in the order of layers.
      case archive(ArchiveReadOptions)
      /// The bytes of a tar, without its compression, as they are: nothing else may be in the layer.
      case verbatimTar
    }

    /// Where it is on the host. A symbolic link is taken as a link, never followed.
    public var host: FilePath
    /// Its absolute path in the image; `/` puts a directory's content at the root.
    public var destination: FilePath
    /// What is taken.
    public var form: Form = .tree
    /// The part of it that is taken, as a relative path; empty for all of it. No symbolic link on the way is followed.
    public var subtree: FilePath = ""
    /// Whether it is no error when there is no such part.
    public var allowsMissing = false
    /// Whether symbolic links of the host are taken for what they lead to, wherever that is; else they stay links.
    public var followsLinks = false
    /// What becomes of some of its paths, later rules over earlier ones.
    public var rules: [PathRule] = []

    /// Creates a source.
    public init(_ host: FilePath, at destination: FilePath) {
      self.host = host
      self.destination = destination
    }

    /// Creates a source that has the same path in the image as on the host, as a store path does.
    public init(_ path: FilePath) { self.init(path, at: path) }

    /// Creates a source of an archive's members.
    public init(archive: FilePath, at destination: FilePath = "/", options: ArchiveReadOptions = .init()) {
      self.init(archive, at: destination)
      form = .archive(options)
    }
  }

  /// What becomes of two different things at one path.
  public enum ConflictPolicy: Sendable, Hashable {
    /// It is an error that names both.
    case refuse
    /// The later in the recipe counts, entries after sources; directories are merged and get its metadata.
    case lastWins
  }

  /// What goes in from the host.
  public var sources: [Source]
  /// What goes in by description: files at hand, devices, whiteouts.
  public var entries: [LayerEntry]
  /// How file metadata is written.
  public var metadata: MetadataPolicy
  /// Changes of directories that no source and no entry gives, but that others are in: made with 0755, then changed.
  public var parentRules: [PathRule] = []
  /// What becomes of two different things at one path. What is equal is no conflict.
  public var conflicts = ConflictPolicy.refuse

  /// Creates a recipe.
  public init(_ sources: [Source], entries: [LayerEntry] = [], metadata: MetadataPolicy = .init()) {
    self.sources = sources
    self.entries = entries
    self.metadata = metadata
  }

  /// A text that is equal for two recipes exactly when they name the same sources and entries under the same rules, whatever
  /// the order in which they were given The content of the sources is not part of it.
  public var fingerprint: String {
    var lines = sources.map(\.fingerprint) + entries.map(\.fingerprint)
    if conflicts == .lastWins { lines.append("last wins") } else { lines.sort { byteOrder($0, $1) } }
    lines += parentRules.map { "parents \($0.fingerprint)" }
    return ([TarHeader.grammar, metadata.fingerprint] + lines).joined(separator: "\n")
  }
}

extension LayerRecipe.Source {
  /// A text that is equal for equal sources.
  package var fingerprint: String {
    var parts = [escaped(host), escaped(destination)]
    switch form {
    case .tree: break
    case .archive(let options): parts.append("archive(\(options.fingerprint))")
    case .verbatimTar: parts.append("verbatim")
    }
    if !subtree.components.isEmpty { parts.append("subtree=\(escaped(subtree))") }
    if allowsMissing { parts.append("optional") }
    if followsLinks { parts.append("followed") }
    return (parts + rules.map(\.fingerprint)).joined(separator: " ")
  }
}

/// A path by its bytes, also where they are no UTF-8, without spaces, line ends and the marks of fingerprints.
func escaped(_ path: FilePath) -> String { escaped(HostFileSystem.path(path).dropLast()) }

func escaped(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { byte in
    (0x21...0x7E).contains(byte) && !fingerprintMarks.contains(byte)
      ? String(Character(Unicode.Scalar(byte))) : "%\(byte)."
  }.joined()
}

/// What stands between the parts of fingerprints, so that no text can look like several.
private let fingerprintMarks = Set("%,:=()".utf8)
