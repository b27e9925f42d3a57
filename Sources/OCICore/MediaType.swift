/// A media type (RFC 6838 `type/subtype`, without parameters). An open set with names for those of the image-spec.
public struct MediaType: Sendable, Hashable, CustomStringConvertible {
  /// The text, e.g. `application/vnd.oci.image.manifest.v1+json`.
  public let text: String

  /// Parses a media type; parameters after `;` are dropped.
  /// - Throws: `OCIError.Code.invalidMediaType`.
  public init(_ text: String) throws(OCIError) {
    let essence = text.split(separator: ";", omittingEmptySubsequences: false)[0]
    let bare = essence.filter { $0 != " " }
    let parts = bare.split(separator: "/", omittingEmptySubsequences: false)
    let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&-^_.+")
    let isValid = parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(allowed.contains) }
    guard isValid else {
      throw OCIError(.invalidMediaType, "'\(text)' is not a media type: expected type/subtype")
    }
    self.text = bare
  }

  private init(known text: String) { self.text = text }

  /// The text.
  public var description: String { text }

  /// An image manifest.
  public static let imageManifest = MediaType(known: "application/vnd.oci.image.manifest.v1+json")
  /// An image index.
  public static let imageIndex = MediaType(known: "application/vnd.oci.image.index.v1+json")
  /// An image configuration.
  public static let imageConfiguration = MediaType(known: "application/vnd.oci.image.config.v1+json")
  /// An uncompressed layer.
  public static let layerTar = MediaType(known: "application/vnd.oci.image.layer.v1.tar")
  /// A gzip layer.
  public static let layerTarGzip = MediaType(known: "application/vnd.oci.image.layer.v1.tar+gzip")
  /// Docker's image manifest, schema 2.
  public static let dockerManifest = MediaType(known: "application/vnd.docker.distribution.manifest.v2+json")
  /// Docker's manifest list.
  public static let dockerManifestList = MediaType(
    known: "application/vnd.docker.distribution.manifest.list.v2+json")
  /// Bytes of no stated kind.
  public static let octetStream = MediaType(known: "application/octet-stream")

  /// Whether registries keep content of this type as a manifest rather than as a blob.
  public var isManifest: Bool { Self.manifests.contains(self) }

  /// Whether this is a list of manifests.
  public var isIndex: Bool { self == .imageIndex || self == .dockerManifestList }

  /// Every type that is kept as a manifest.
  public static let manifests: [MediaType] = [.imageManifest, .imageIndex, .dockerManifest, .dockerManifestList]
}
