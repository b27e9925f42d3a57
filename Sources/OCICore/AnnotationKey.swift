/// The names of annotations that the specs define (image-spec, annotations.md §Pre-Defined Annotation Keys) or that tools
/// have agreed on.
public enum AnnotationKey {
  /// When the image was made, RFC 3339.
  public static let created = "org.opencontainers.image.created"
  /// Who is responsible for the image.
  public static let authors = "org.opencontainers.image.authors"
  /// Where to learn more about the image.
  public static let url = "org.opencontainers.image.url"
  /// Where its documentation is.
  public static let documentation = "org.opencontainers.image.documentation"
  /// Where its source code is.
  public static let source = "org.opencontainers.image.source"
  /// The version of the packaged software.
  public static let version = "org.opencontainers.image.version"
  /// The source's revision.
  public static let revision = "org.opencontainers.image.revision"
  /// Who distributes it.
  public static let vendor = "org.opencontainers.image.vendor"
  /// The licences, as an SPDX expression.
  public static let licenses = "org.opencontainers.image.licenses"
  /// The name of a manifest inside an image layout.
  public static let referenceName = "org.opencontainers.image.ref.name"
  /// A title for people.
  public static let title = "org.opencontainers.image.title"
  /// A description for people.
  public static let description = "org.opencontainers.image.description"
  /// The digest of the base image's manifest.
  public static let baseDigest = "org.opencontainers.image.base.digest"
  /// The reference of the base image.
  public static let baseName = "org.opencontainers.image.base.name"

  /// The whole reference of an image in a layout, as containerd and BuildKit write it.
  public static let containerdImageName = "io.containerd.image.name"
  /// What an entry of an index that is no image is for, as BuildKit writes it: `attestation-manifest`.
  public static let dockerReferenceType = "vnd.docker.reference.type"
  /// The manifest that such an entry is about.
  public static let dockerReferenceDigest = "vnd.docker.reference.digest"
}
