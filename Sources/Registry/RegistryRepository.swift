public import OCICore

/// A repository of a registry (distribution-spec), as a place for blobs, manifests and tags.
///
/// What can be retried is: lost connections, timeouts, statuses such as 429 and 503 and lost upload sessions, with
/// growing pauses and as the registry's `Retry-After` says. Errors are `RegistryError`, or the blob source's own.
public final class RegistryRepository: TagStore {
  /// The registry's host, with its port if it has one.
  public let host: String
  /// The repository's name, e.g. `team/app`.
  public let name: String
  let client: RegistryClient
  /// The address below which everything of the repository is.
  let base: RegistryURL

  init(client: RegistryClient, reference: ImageReference) {
    self.client = client
    host = reference.host
    name = reference.repository
    let isPlain = client.configuration.plainHTTP ?? reference.isLoopback
    base = RegistryURL(
      scheme: isPlain ? "http" : "https",
      // Docker Hub's registry is not where its name says.
      authority: host == "docker.io" ? "registry-1.docker.io" : host,
      target: "/v2/\(name)/")
  }

  /// Whether the repository has the content. A registry that forbids the question (403) counts as one that lacks it.
  /// - Throws: `RegistryError`.
  public func exists(_ descriptor: Descriptor) async throws -> Bool {
    try await retrying {
      var request = request("HEAD", path(of: descriptor))
      if descriptor.mediaType.isManifest { request.headers.append(Self.acceptManifests) }
      var response = try await send(request)
      if response.status == 405, descriptor.mediaType.isManifest {
        request.method = "GET"
        response = try await send(request)
      }
      switch response.status {
      case 200:
        _ = await response.beginning()
        return response.header("Content-Length").map { Int64($0) == descriptor.size } ?? true
      case 403, 404:
        _ = await response.beginning()
        return false
      default: throw await failure(response, "asking for \(descriptor.digest)")
      }
    }
  }

  /// The content, verified while it is read.
  /// - Throws: `RegistryError`; while reading also `OCIError` when the bytes are not those announced.
  public func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
    try await retrying {
      var request = request("GET", path(of: descriptor))
      if descriptor.mediaType.isManifest { request.headers.append(Self.acceptManifests) }
      let response = try await send(request)
      guard response.status == 200 else { throw await failure(response, "fetching \(descriptor.digest)") }
      return response.body.verified(as: descriptor)
    }
  }

  func path(of descriptor: Descriptor) -> String {
    (descriptor.mediaType.isManifest ? "manifests/" : "blobs/") + descriptor.digest.description
  }

  static let acceptManifests = (
    name: "Accept", value: MediaType.manifests.map(\.text).joined(separator: ", ")
  )
}
