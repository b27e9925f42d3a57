public import OCICore

/// A repository of a registry (distribution-spec), as a place for blobs, manifests and tags.
///
/// What can be retried is: lost connections, timeouts, statuses such as 429 and 503 and lost upload sessions, with
/// growing pauses and as the registry's `Retry-After` says. Errors are `RegistryError`, or the blob source's own.
///
/// Pulls look at the mirrors of the client's configuration first; pushes, and all that is asked for one (`writer`), never.
public final class RegistryRepository: TagStore, ReferrerStore {
  /// What it is used for: decides what tokens are asked for, and whether mirrors are looked at.
  enum Use: Sendable {
    case pull, push
  }

  /// The registry's host, with its port if it has one.
  public let host: String
  /// The repository's name, e.g. `team/app`.
  public let name: String
  let client: RegistryClient
  let reference: ImageReference
  private let use: Use
  /// The repository for what changes it.
  let pushing: Endpoint

  init(_ client: RegistryClient, _ reference: ImageReference, access use: Use) {
    self.client = client
    self.reference = reference
    self.use = use
    host = reference.host
    name = reference.repository
    pushing = Endpoint(client, reference, actions: "pull,push")
  }

  /// The same repository for one push: its questions ask for the right to push too, so that one token does for all.
  public func writer() -> RegistryRepository { RegistryRepository(client, reference, access: .push) }

  /// The repository for what only reads it.
  var own: Endpoint { use == .push ? pushing : Endpoint(client, reference, actions: "pull") }

  /// Where to read from, in this order.
  /// - Throws: `RegistryError.Code.blocked`.
  func places(isDigest: Bool) throws -> [Endpoint] {
    guard use == .pull else { return [pushing] }
    return try client.configuration.mirrors.places(for: reference, isDigest: isDigest).map { place, isMirror in
      Endpoint(client, place, actions: "pull", namespace: isMirror ? host : nil)
    }
  }

  /// Whether the repository has the content. A registry that forbids the question (403) counts as one that lacks it.
  /// - Throws: `RegistryError`.
  public func exists(_ descriptor: Descriptor) async throws -> Bool {
    guard descriptor.mediaType.isManifest else {
      let isThere = try await own.hasBlob(descriptor)
      await client.blobs.noteBlob(isThere: isThere, at: own)
      if isThere { await client.blobs.note([descriptor.digest], at: own) }
      return isThere
    }
    return try await own.retrying("asking for \(descriptor.digest)") {
      var request = own.request("HEAD", "manifests/\(descriptor.digest)")
      request.headers.append(Self.acceptManifests)
      var response = try await own.send(request)
      if response.status == 405 {
        await response.beginning()
        request.method = "GET"
        response = try await own.send(request)
      }
      let isThere: Bool
      switch response.status {
      case 200: isThere = response.header("Content-Length").map { Int64($0) == descriptor.size } ?? true
      case 403, 404: isThere = false
      default: throw await own.failure(response, "asking for \(descriptor.digest)")
      }
      await response.beginning()
      await client.blobs.noteManifest(isThere: isThere, at: own)
      return isThere
    }
  }

  static func path(of descriptor: Descriptor) -> String {
    (descriptor.mediaType.isManifest ? "manifests/" : "blobs/") + descriptor.digest.description
  }

  static let acceptManifests = (
    name: "Accept", value: MediaType.manifests.map(\.text).joined(separator: ", ")
  )

  /// The largest manifest that every registry takes.
  static let manifestLimit = ImageManifest.sizeLimit
}
