/// How a `RegistryServer` does things, in place of the ways of a registry that follows the specification: for tests of
/// clients. `imitating(_:)` has the ways of the registries in `RegistryProfile.table`.
public struct RegistryManners: Sendable {
  /// What a registry says to a request that it does not know.
  public enum Answer: Sendable, Hashable {
    /// It does what the specification says.
    case obey
    /// It does something else that the specification allows: opens a session in place of mounting, for example.
    case decline
    /// It refuses with this status and error code.
    case refuse(Int, code: String)
  }

  /// What the `Range` header of an upload says.
  public enum StatusRange: Sendable, Hashable {
    /// The last byte's number, `0-0` for nothing.
    case last
    /// The last byte's number, `0--1` for nothing.
    case signed
    /// `bytes=0-N` with the number of bytes.
    case count
    /// Always this.
    case fixed(String)
    /// Nothing.
    case missing
  }

  /// Headers of every answer, by which it is recognised.
  public var headers: [String: String] = ["Server": "flywheel"]
  /// A parameter of the query of every upload's address.
  public var uploadParameter: String?
  /// One POST with the digest and the bytes.
  public var singlePost = Answer.obey
  /// One PUT with all the bytes.
  public var wholePut = Answer.obey
  /// A PATCH without a `Content-Range`; with `decline` the first alone.
  public var streamedPatch = Answer.obey
  /// A PATCH with a `Content-Range`; with `decline` what comes after the second is thrown away.
  public var rangedPatch = Answer.obey
  /// The most bytes of a PATCH with a `Content-Range`: more is refused with 416.
  public var rangedPatchLimit: Int64?
  /// The most bytes of any request: more is refused with 413 and a page of HTML.
  public var requestLimit: Int64?
  /// What it announces about chunks (`OCI-Chunk-Min-Length`, `OCI-Chunk-Max-Length`).
  public var announcedChunk: (minimum: Int64?, maximum: Int64?) = (nil, nil)
  /// The status after a PATCH.
  public var patchStatus = 202
  /// The status after the last PUT.
  public var putStatus = 201
  /// What the `Range` of an upload says.
  public var statusRange = StatusRange.last
  /// Whether an upload that broke off can go on; otherwise its status is 404.
  public var resumes = true
  /// Whether the status of an upload has its `Location`.
  public var repeatsLocation = true
  /// Whether a chunk that does not begin where the last one ended is added all the same.
  public var ignoresContentRange = false
  /// A mount with a source.
  public var mount = Answer.obey
  /// A mount without one.
  public var mountFromAnywhere = Answer.obey
  /// Whether repositories have blobs of their own, and tokens are looked at for the source of a mount.
  public var separatesRepositories = false
  /// Many tags in one PUT of a manifest; with `decline` they are passed over.
  public var manyTags = Answer.obey
  /// The referrers API.
  public var referrers = Answer.obey
  /// Whether a tag `sha256-<hex>` means the manifest of that digest.
  public var readsDigestTags = false
  /// Deletion of tags.
  public var deletesTags = Answer.obey
  /// Whether answers have `Docker-Content-Digest`.
  public var sendsDigests = true
  /// Whether a tag that is set may not be set again, not even to what it names.
  public var hasImmutableTags = false
  /// Where blobs are fetched from in place of here: an address like `http://127.0.0.1:1234`.
  public var redirectsBlobsTo: String?
  /// Where bytes are uploaded to in place of here.
  public var redirectsUploadsTo: String?
  /// Whether a challenge for a token leaves out the service.
  public var omitsService = false
  /// What a challenge calls the service.
  public var service = "flywheel"
  /// How many entries a page of a list has at most.
  public var pageSize: Int?
  /// Whether lists ignore where a page should begin (`last`).
  public var ignoresLast = false

  /// The specification's ways.
  public init() {}

  /// The ways of a registry by its name in `RegistryProfile.table`, as far as clients notice; `nil` for another name.
  public static func imitating(_ name: String) -> RegistryManners? {
    guard RegistryProfile.table.contains(where: { $0.name == name }) || name == RegistryProfile.generic.name else {
      return nil
    }
    var manners = RegistryManners()
    manners.separatesRepositories = true
    if name == "Flywheel" { return manners }
    manners.headers = [:]
    manners.manyTags = .decline
    manners.referrers = .refuse(404, code: "NOT_FOUND")
    switch name {
    case "GitHub Container Registry": manners.rangedPatchLimit = 4 << 20
    case "GitLab":
      manners.headers["Gitlab-Container-Registry-Version"] = "4.0"
      manners.behaveLikeDistribution()
      manners.readsDigestTags = true
    case "Docker Hub":
      manners.behaveLikeDistribution()
      manners.deletesTags = .refuse(405, code: "UNSUPPORTED")
    case "Amazon ECR":
      manners.singlePost = .decline
      manners.patchStatus = 201
      manners.rangedPatch = .decline
      manners.resumes = false
      manners.mount = .decline
      manners.mountFromAnywhere = .decline
      manners.hasImmutableTags = true
      manners.sendsDigests = false
    case "Google Artifact Registry":
      manners.rangedPatch = .refuse(404, code: "NOT_FOUND")
      manners.resumes = false
      manners.omitsService = true
    case "Azure Container Registry": manners.deletesTags = .refuse(405, code: "UNSUPPORTED")
    case "Quay":
      manners.headers["X-Quay-Request-Id"] = "1"
      manners.singlePost = .decline
      manners.statusRange = .count
      manners.repeatsLocation = false
      manners.mountFromAnywhere = .refuse(400, code: "NAME_INVALID")
    case "Harbor":
      manners.service = "harbor-registry"
      manners.behaveLikeDistribution()
      manners.mount = .refuse(401, code: "UNAUTHORIZED")
    case "Artifactory":
      manners.headers["X-JFrog-Version"] = "Artifactory/7"
      manners.wholePut = .refuse(404, code: "BLOB_UNKNOWN")
      manners.singlePost = .decline
      manners.mount = .decline
      manners.mountFromAnywhere = .decline
    case "Nexus":
      manners.headers["Server"] = "Nexus/3.70"
      manners.singlePost = .decline
      manners.mountFromAnywhere = .decline
      manners.mount = .decline
      manners.sendsDigests = false
    case "Gitea":
      manners.headers["X-Gitea-Version"] = "1.22"
      manners.streamedPatch = .decline
      manners.omitsService = true
    case "Cloudflare":
      manners.headers["Server"] = "cloudflare"
      manners.requestLimit = 100_000_000
      manners.announcedChunk = (5 << 20, 90 << 20)
    case "zot":
      manners.headers["Server"] = "zot"
      manners.referrers = .obey
    default: manners.behaveLikeDistribution()
    }
    return manners
  }

  private mutating func behaveLikeDistribution() {
    uploadParameter = "_state"
    singlePost = .decline
    mountFromAnywhere = .decline
    ignoresContentRange = true
    deletesTags = .refuse(405, code: "UNSUPPORTED")
    ignoresLast = true
  }
}
