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

  /// What goes in from the host.
  public var sources: [Source]
  /// What goes in by description: files at hand, devices, whiteouts.
  public var entries: [LayerEntry]
  /// How file metadata is written.
  public var metadata: MetadataPolicy

  /// Creates a recipe.
  public init(_ sources: [Source], entries: [LayerEntry] = [], metadata: MetadataPolicy = .init()) {
    self.sources = sources
    self.entries = entries
    self.metadata = metadata
  }

  /// A text that is equal for two recipes exactly when they name the same sources and entries under the same rules, whatever
  /// the order in which they were given. The content of the sources is not part of it.
  public var fingerprint: String {
    let lines = sources.map(\.fingerprint) + entries.map(\.fingerprint)
    return ([TarHeader.grammar, metadata.fingerprint] + lines.sorted { byteOrder($0, $1) }).joined(separator: "\n")
  }
}

extension LayerRecipe.Source {
  var fingerprint: String { "\(escaped(host)) \(escaped(destination))" }
}

/// A path by its bytes, also where they are no UTF-8, without spaces and line ends.
func escaped(_ path: FilePath) -> String { escaped(HostFileSystem.path(path).dropLast()) }

func escaped(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { byte in
    (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "%") ? String(Character(Unicode.Scalar(byte))) : "%\(byte)."
  }.joined()
}
