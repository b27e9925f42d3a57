/// One row of the table of registries: how it is recognised, and where its ways differ from the distribution-spec's.
///
/// A row is where we begin: what a host shows while we talk to it counts more.
public struct RegistryProfile: Sendable, Hashable {
  /// Whether a registry can do something.
  public enum Support: Sendable, Hashable {
    /// To be found out.
    case unknown
    /// It is known to.
    case yes
    /// It is known not to, or to do it wrong.
    case no
  }

  /// What a registry is recognised by.
  public enum Sign: Sendable, Hashable {
    /// Its host is this, or ends in a dot and this; with a leading `*`, it only has to end so.
    case host(String)
    /// An answer has this header, whose value begins so; case does not matter.
    case header(String, prefix: String)
    /// Its challenge names this service (`WWW-Authenticate`).
    case service(String)
    /// The address of an upload has this parameter in its query.
    case uploadParameter(String)
  }

  /// What to call it.
  public var name: String
  /// Any of these tells it.
  public var signs: [Sign]
  /// The ways to upload a blob, the best first; `post` is not listed, see `takesSinglePost`.
  public var uploads: [UploadMethod] = [.put, .stream, .chunks]
  /// Whether one POST can hold a whole blob.
  public var takesSinglePost = Support.unknown
  /// The most bytes that one request may have: what is larger goes in chunks.
  public var maximumRequest: Int64?
  /// The least and the most bytes of a chunk that is not the last, unless the registry announces others.
  public var minimumChunk: Int64 = 0
  /// The most bytes of a chunk.
  public var maximumChunk: Int64?
  /// Whether an upload can go on where it broke off.
  public var resumes = Support.unknown
  /// Whether the `Range` of an upload's status counts bytes, rather than naming the last (Quay).
  public var statusRangeCounts = false
  /// Whether blobs can be mounted from other repositories.
  public var mounts = Support.unknown
  /// Whether a blob can be mounted without saying from where.
  public var mountsFromAnywhere = Support.unknown
  /// Whether mounting a blob from the repository itself tells if it is there, so that asking for it costs no request more.
  public var mountsFromItself = Support.unknown
  /// Whether one PUT of a manifest can set many tags (`OCI-Tag`).
  public var takesManyTags = Support.unknown
  /// Whether it has the referrers API.
  public var hasReferrers = Support.unknown
  /// Whether a tag `sha256-<hex>` means the manifest of that digest (GitLab), so that it cannot hold a list of referrers.
  public var readsDigestTags = false

  /// Creates a row: a registry that follows the specification.
  public init(name: String, signs: [Sign]) {
    self.name = name
    self.signs = signs
  }

  /// As the other, with changes.
  init(_ name: String, _ signs: [Sign], _ change: (inout RegistryProfile) -> Void) {
    self.init(name: name, signs: signs)
    change(&self)
  }
}
