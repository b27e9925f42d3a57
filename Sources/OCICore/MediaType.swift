/// A media type (RFC 6838 `type/subtype`, without parameters). An open set with names for those of the image-spec and of
/// Docker.
public struct MediaType: Sendable, Hashable, CustomStringConvertible {
  /// The text, e.g. `application/vnd.oci.image.manifest.v1+json`.
  public let text: String

  /// Parses a media type; parameters after `;` are dropped.
  /// - Throws: `OCIError.Code.invalidMediaType`.
  public init(_ text: String) throws(OCIError) {
    // Nearly every type is one of these, whose texts need not be looked at letter by letter.
    if text == Self.imageManifest.text || text == Self.layerTarGzip.text || text == Self.imageConfiguration.text {
      self.text = text
      return
    }
    var bare = text[...]
    if let semicolon = text.utf8.firstIndex(of: UInt8(ascii: ";")) {
      bare = text[..<semicolon]
      while bare.utf8.last == UInt8(ascii: " ") { bare = bare[..<bare.utf8.index(before: bare.endIndex)] }
    }
    let parts = bare.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy(Self.isRestrictedName) else {
      throw OCIError(.invalidMediaType, "'\(excerpt(text))' is not a media type: expected type/subtype")
    }
    self.text = String(bare)
  }

  private init(known text: String) { self.text = text }

  /// The text.
  public var description: String { text }

  /// RFC 6838 §4.2.
  private static func isRestrictedName(_ name: Substring.UTF8View) -> Bool {
    guard let first = name.first, isAlphanumeric(first), name.count <= 127 else { return false }
    return name.allSatisfy { isAlphanumeric($0) || punctuation.contains($0) }
  }

  private static let punctuation = Array("!#$&-^_.+".utf8)
}

// MARK: Names

extension MediaType {
  /// An image manifest.
  public static let imageManifest = MediaType(known: "application/vnd.oci.image.manifest.v1+json")
  /// An image index.
  public static let imageIndex = MediaType(known: "application/vnd.oci.image.index.v1+json")
  /// An image configuration.
  public static let imageConfiguration = MediaType(known: "application/vnd.oci.image.config.v1+json")
  /// The `oci-layout` file of an image layout.
  public static let layoutHeader = MediaType(known: "application/vnd.oci.layout.header.v1+json")
  /// A descriptor on its own.
  public static let descriptor = MediaType(known: "application/vnd.oci.descriptor.v1+json")
  /// The two bytes `{}`, for a config or layer that has nothing to say.
  public static let empty = MediaType(known: "application/vnd.oci.empty.v1+json")

  /// An uncompressed layer.
  public static let layerTar = MediaType(known: "application/vnd.oci.image.layer.v1.tar")
  /// A gzip layer.
  public static let layerTarGzip = MediaType(known: "application/vnd.oci.image.layer.v1.tar+gzip")
  /// A zstd layer.
  public static let layerTarZstd = MediaType(known: "application/vnd.oci.image.layer.v1.tar+zstd")
  /// An uncompressed layer that may not be distributed.
  public static let nondistributableLayerTar = MediaType(
    known: "application/vnd.oci.image.layer.nondistributable.v1.tar")
  /// A gzip layer that may not be distributed.
  public static let nondistributableLayerTarGzip = MediaType(
    known: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")
  /// A zstd layer that may not be distributed.
  public static let nondistributableLayerTarZstd = MediaType(
    known: "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd")
  /// An encrypted layer (ocicrypt).
  public static let layerTarEncrypted = MediaType(known: "application/vnd.oci.image.layer.v1.tar+encrypted")
  /// A gzip layer, encrypted.
  public static let layerTarGzipEncrypted = MediaType(known: "application/vnd.oci.image.layer.v1.tar+gzip+encrypted")
  /// A zstd layer, encrypted.
  public static let layerTarZstdEncrypted = MediaType(known: "application/vnd.oci.image.layer.v1.tar+zstd+encrypted")

  /// Docker's image manifest, schema 2.
  public static let dockerManifest = MediaType(known: "application/vnd.docker.distribution.manifest.v2+json")
  /// Docker's manifest list.
  public static let dockerManifestList = MediaType(
    known: "application/vnd.docker.distribution.manifest.list.v2+json")
  /// Docker's image configuration.
  public static let dockerConfiguration = MediaType(known: "application/vnd.docker.container.image.v1+json")
  /// Docker's uncompressed layer.
  public static let dockerLayerTar = MediaType(known: "application/vnd.docker.image.rootfs.diff.tar")
  /// Docker's gzip layer.
  public static let dockerLayerTarGzip = MediaType(known: "application/vnd.docker.image.rootfs.diff.tar.gzip")
  /// Docker's zstd layer.
  public static let dockerLayerTarZstd = MediaType(known: "application/vnd.docker.image.rootfs.diff.tar.zstd")
  /// Docker's uncompressed layer that may not be distributed.
  public static let dockerForeignLayerTar = MediaType(known: "application/vnd.docker.image.rootfs.foreign.diff.tar")
  /// Docker's gzip layer that may not be distributed.
  public static let dockerForeignLayerTarGzip = MediaType(
    known: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
  /// Docker's manifest of schema 1, which is obsolete and of another shape.
  public static let dockerManifestSchema1 = MediaType(known: "application/vnd.docker.distribution.manifest.v1+json")
  /// Docker's signed manifest of schema 1.
  public static let dockerSignedManifestSchema1 = MediaType(
    known: "application/vnd.docker.distribution.manifest.v1+prettyjws")

  /// Bytes of no stated kind.
  public static let octetStream = MediaType(known: "application/octet-stream")
}

// MARK: Kinds

extension MediaType {
  /// Every type that is kept as a manifest.
  public static let manifests: [MediaType] = [.imageManifest, .imageIndex, .dockerManifest, .dockerManifestList]

  /// Whether registries keep content of this type as a manifest rather than as a blob.
  public var isManifest: Bool { self == .imageManifest || self == .dockerManifest || isIndex }

  /// Whether this is a list of manifests.
  public var isIndex: Bool { self == .imageIndex || self == .dockerManifestList }

  /// Whether this is an image's configuration.
  public var isConfiguration: Bool { self == .imageConfiguration || self == .dockerConfiguration }

  /// Whether Docker defines it.
  public var isDocker: Bool { text.utf8.starts(with: "application/vnd.docker.".utf8) }

  /// What a layer's bytes are, by its media type.
  public struct LayerFormat: Sendable, Hashable {
    /// How a layer's tar is compressed.
    public enum Compression: String, Sendable, Hashable {
      /// Not at all.
      case none
      /// gzip (RFC 1952).
      case gzip
      /// zstd (RFC 8878).
      case zstd
    }

    /// How the tar is compressed.
    public var compression: Compression
    /// Whether the layer may not be distributed (a foreign layer): its bytes are at the descriptor's `urls`.
    public var isForeign: Bool
    /// Whether the bytes are encrypted, after they were compressed.
    public var isEncrypted: Bool
  }

  /// What the layer's bytes are; `nil` for what is no layer of a known type.
  public var layerFormat: LayerFormat? { Self.layerFormats[self] }

  /// Whether this is a layer that may not be distributed: its bytes are at the descriptor's `urls`.
  public var isForeignLayer: Bool { layerFormat?.isForeign == true }

  /// The type that the image-spec has for what Docker's type stands for; other types are their own.
  public var ociEquivalent: MediaType { Self.equivalents[self] ?? self }

  private static let layerFormats: [MediaType: LayerFormat] = [
    .layerTar: .init(compression: .none, isForeign: false, isEncrypted: false),
    .layerTarGzip: .init(compression: .gzip, isForeign: false, isEncrypted: false),
    .layerTarZstd: .init(compression: .zstd, isForeign: false, isEncrypted: false),
    .nondistributableLayerTar: .init(compression: .none, isForeign: true, isEncrypted: false),
    .nondistributableLayerTarGzip: .init(compression: .gzip, isForeign: true, isEncrypted: false),
    .nondistributableLayerTarZstd: .init(compression: .zstd, isForeign: true, isEncrypted: false),
    .layerTarEncrypted: .init(compression: .none, isForeign: false, isEncrypted: true),
    .layerTarGzipEncrypted: .init(compression: .gzip, isForeign: false, isEncrypted: true),
    .layerTarZstdEncrypted: .init(compression: .zstd, isForeign: false, isEncrypted: true),
    .dockerLayerTar: .init(compression: .none, isForeign: false, isEncrypted: false),
    .dockerLayerTarGzip: .init(compression: .gzip, isForeign: false, isEncrypted: false),
    .dockerLayerTarZstd: .init(compression: .zstd, isForeign: false, isEncrypted: false),
    .dockerForeignLayerTar: .init(compression: .none, isForeign: true, isEncrypted: false),
    .dockerForeignLayerTarGzip: .init(compression: .gzip, isForeign: true, isEncrypted: false),
  ]

  private static let equivalents: [MediaType: MediaType] = [
    .dockerManifest: .imageManifest, .dockerManifestList: .imageIndex, .dockerConfiguration: .imageConfiguration,
    .dockerLayerTar: .layerTar, .dockerLayerTarGzip: .layerTarGzip, .dockerLayerTarZstd: .layerTarZstd,
    .dockerForeignLayerTar: .nondistributableLayerTar, .dockerForeignLayerTarGzip: .nondistributableLayerTarGzip,
  ]
}
