import OCICore
public import SystemPackage

/// What a layer is made of: enough to produce its bytes again, the same every time.
///
/// Sources that reach the same directory are merged; where two put different things at one path, that is an error.
/// Missing parents are made, 0755.
public struct LayerRecipe: Sendable, Hashable {
  /// A tree, file or symbolic link of the host and its place in the image.
  public struct Source: Sendable, Hashable {
    /// Where it is on the host. A symbolic link is taken as a link, never followed.
    public var host: FilePath
    /// Its absolute path in the image; `/` puts a directory's content at the root.
    public var destination: FilePath

    /// Creates a source.
    public init(_ host: FilePath, at destination: FilePath) {
      self.host = host
      self.destination = destination
    }

    /// Creates a source that has the same path in the image as on the host, as a store path does.
    public init(_ path: FilePath) { self.init(path, at: path) }
  }

  /// What goes in.
  public var sources: [Source]
  /// How file metadata is written.
  public var metadata: MetadataPolicy

  /// Creates a recipe.
  public init(_ sources: [Source], metadata: MetadataPolicy = .init()) {
    self.sources = sources
    self.metadata = metadata
  }

  /// A text that is equal for two recipes exactly when they name the same sources under the same rules, whatever the
  /// order in which they were given. The content of the sources is not part of it.
  public var fingerprint: String {
    let lines = sources.map { "\(Self.escaped($0.host)) \(Self.escaped($0.destination))" }
    return ([TarHeader.grammar, metadata.fingerprint] + lines.sorted { byteOrder($0, $1) }).joined(separator: "\n")
  }
}

extension LayerRecipe {
  /// A path by its bytes, also where they are no UTF-8, without spaces and line ends.
  fileprivate static func escaped(_ path: FilePath) -> String {
    HostFileSystem.path(path).dropLast().map { byte in
      (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "%")
        ? String(Character(Unicode.Scalar(byte))) : "%\(byte)."
    }.joined()
  }
}

/// How the metadata of files is written into a layer. Never anything that differs between two machines with equal trees:
/// no times of the host, no owner names, no hard links by inode, no extended attributes.
public struct MetadataPolicy: Sendable, Hashable {
  /// The time of every entry, in seconds since 1970; 1 as in a Nix store.
  public var modificationTime: Int64
  /// The owner of every entry.
  public var uid: Int64
  /// The group of every entry.
  public var gid: Int64

  /// Creates a policy. Permission bits are those of the host, a symbolic link's always 0777.
  public init(modificationTime: Int64 = 1, uid: Int64 = 0, gid: Int64 = 0) {
    self.modificationTime = modificationTime
    self.uid = uid
    self.gid = gid
  }

  var fingerprint: String { "mtime=\(modificationTime) uid=\(uid) gid=\(gid)" }
}
