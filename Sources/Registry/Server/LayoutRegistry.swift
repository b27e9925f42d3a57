internal import OCICore
internal import Synchronization
internal import SystemPackage

/// The distribution-spec's requests over one image layout, which all repositories share. Knows nothing of HTTP's wire.
final class LayoutRegistry: Sendable {
  /// A request, with what its route needs.
  struct Request {
    let method: String
    let query: [String: String]
    /// The tags in the query, of which there may be many.
    var tags: [String] = []
    let headers: (String) -> String?
    let body: any RequestBody
    var manners = RegistryManners()
    /// Whether the client has shown that it may pull from another repository.
    var mayPull: (String) -> Bool = { _ in true }

    /// How long the body is, where the client says it.
    var length: Int64? { headers("Content-Length").flatMap { Int64($0) } }
  }

  private struct Link: Hashable {
    var repository: String
    var digest: Digest
  }

  let layout: ImageLayoutStore
  /// Never publishes, so from the first upload on it holds the layout against a garbage collection by another process:
  /// the blobs of one client wait for their manifest while another publishes.
  private let holder: ImageLayoutStore
  let uploads = Mutex<[String: Upload]>([:])
  /// Which repository has which blob, where they are kept apart.
  private let links = Mutex<Set<Link>>([])
  /// Manifests that were deleted: the layout keeps them until its garbage is collected.
  private let deleted = Mutex<Set<Link>>([])

  init(_ layout: ImageLayoutStore) {
    self.layout = layout
    holder = layout.writer()
  }

  /// Where the bytes of a new upload go.
  func uploadPath() async throws -> FilePath { try await holder.uploadPath() }

  func answer(_ request: Request, _ route: ServerRoute) async throws -> ServerAnswer {
    let isRead = request.method == "GET" || request.method == "HEAD"
    switch route {
    case .base where isRead: return ServerAnswer(status: 200)
    case .catalog where isRead: return try await catalog(request)
    case .tags(let repository) where isRead: return try await tags(of: repository, request)
    case .blob(let repository, let digest) where isRead: return try await blob(digest, request, repository)
    case .blob(let repository, let digest) where request.method == "DELETE":
      return try await deleteBlob(digest, request, repository)
    case .manifest(let repository, let reference) where isRead:
      return try await manifest(request, repository, reference)
    case .manifest(let repository, let reference) where request.method == "DELETE":
      return try await deleteManifest(request, repository, reference)
    case .referrers(let repository, let digest) where isRead:
      return try await referrers(of: digest, request, repository)
    case .manifest(let repository, let reference) where request.method == "PUT":
      return try await putManifest(request, repository, reference)
    case .uploads(let repository) where request.method == "POST": return try await openUpload(request, repository)
    case .upload(let repository, let id): return try await upload(request, repository, id)
    default: throw Refusal(405, "UNSUPPORTED", "\(request.method) is not supported here")
    }
  }

  /// Removes the files of the open uploads.
  func close() async {
    let ended = uploads.withLock { uploads in
      defer { uploads = [:] }
      return uploads
    }
    _ = try? await IOExecutor.run {
      for upload in ended.values { FileSystem.removeFile(upload.path) }
    }
  }

  // MARK: Blobs

  func blobSize(_ digest: Digest) async throws -> Int64? {
    try await IOExecutor.run { [layout] in try layout.blobSize(digest) }
  }

  /// Whether a repository has a blob. Where repositories are not kept apart, all have all.
  func hasBlob(_ digest: Digest, in repository: String, _ request: Request) async throws -> Bool {
    guard try await blobSize(digest) != nil else { return false }
    guard request.manners.separatesRepositories else { return true }
    return links.withLock { $0.contains(Link(repository: repository, digest: digest)) }
  }

  func isDeleted(_ digest: Digest, in repository: String) -> Bool {
    deleted.withLock { $0.contains(Link(repository: repository, digest: digest)) }
  }

  func unlink(_ digest: Digest, in repository: String) {
    links.withLock { _ = $0.remove(Link(repository: repository, digest: digest)) }
    deleted.withLock { _ = $0.insert(Link(repository: repository, digest: digest)) }
  }

  func link(_ digest: Digest, in repository: String) {
    links.withLock { _ = $0.insert(Link(repository: repository, digest: digest)) }
    deleted.withLock { _ = $0.remove(Link(repository: repository, digest: digest)) }
  }

  private func blob(_ digest: Digest, _ request: Request, _ repository: String) async throws -> ServerAnswer {
    guard let size = try await blobSize(digest), try await hasBlob(digest, in: repository, request) else {
      throw Refusal(404, "BLOB_UNKNOWN", "there is no blob \(digest)")
    }
    if let place = request.manners.redirectsBlobsTo {
      return ServerAnswer(status: 307, headers: [("Location", "\(place)/v2/\(repository)/blobs/\(digest)")])
    }
    var headers: [(name: String, value: String)] = [
      ("Content-Type", MediaType.octetStream.text), ("Docker-Content-Digest", digest.description),
      ("Accept-Ranges", "bytes"),
    ]
    let start = Self.start(of: request.headers("Range"))
    if let start, start >= size {
      throw Refusal(416, "SIZE_INVALID", "the blob has \(size) bytes", headers: [("Content-Range", "bytes */\(size)")])
    }
    let file = try await IOExecutor.run { [layout] in
      let file = try layout.openBlob(digest)
      if let start { try file.seek(to: start) }
      return file
    }
    if let start { headers.append(("Content-Range", "bytes \(start)-\(size - 1)/\(size)")) }
    return ServerAnswer(
      status: start == nil ? 200 : 206, headers: headers,
      body: .stream(ByteStream(reading: file), length: size - (start ?? 0)))
  }

  /// The first byte of `bytes=100-`; other ranges are given the whole, as HTTP allows.
  private static func start(of range: String?) -> Int64? {
    guard let range, range.hasPrefix("bytes="), range.hasSuffix("-") else { return nil }
    return Int64(range.dropFirst(6).dropLast()).flatMap { $0 >= 0 ? $0 : nil }
  }

  private func deleteBlob(_ digest: Digest, _ request: Request, _ repository: String) async throws -> ServerAnswer {
    guard request.manners.separatesRepositories else {
      throw Refusal(405, "UNSUPPORTED", "all repositories share the layout's blobs; collect its garbage instead")
    }
    guard links.withLock({ $0.remove(Link(repository: repository, digest: digest)) }) != nil else {
      throw Refusal(404, "BLOB_UNKNOWN", "there is no blob \(digest)")
    }
    return ServerAnswer(status: 202)
  }

  // MARK: Lists

  private func names() async throws -> [String] {
    try await layout.index()?.manifests.compactMap { $0.annotations[AnnotationKey.referenceName] } ?? []
  }

  private func catalog(_ request: Request) async throws -> ServerAnswer {
    let repositories = Set(try await names().compactMap { name in name.lastIndex(of: ":").map { String(name[..<$0]) } })
    return page(repositories.sorted(by: byteOrder), "repositories", [:], "/v2/_catalog", request)
  }

  private func tags(of repository: String, _ request: Request) async throws -> ServerAnswer {
    let prefix = "\(repository):"
    let found = try await names().compactMap { name -> String? in
      let tag = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
      return (try? ImageReference.validate(tag: tag)) == nil ? nil : tag
    }
    let tags = Set(found).sorted(by: byteOrder)
    guard !tags.isEmpty else { throw Refusal(404, "NAME_UNKNOWN", "there is no repository \(repository)") }
    return page(tags, "tags", ["name": .string(repository)], "/v2/\(repository)/tags/list", request)
  }

  /// A part of a list, and where the next one is.
  private func page(
    _ all: [String], _ field: String, _ object: JSON.Object, _ path: String, _ request: Request
  ) -> ServerAnswer {
    var items = all
    if let last = request.query["last"], !request.manners.ignoresLast { items = items.filter { byteOrder(last, $0) } }
    var headers: [(name: String, value: String)] = []
    let asked = request.query["n"].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
    if let count = [asked, request.manners.pageSize].compactMap({ $0 }).min(), items.count > count {
      items = Array(items.prefix(count))
      if let last = items.last {
        headers = [("Link", "<\(path)?n=\(count)&last=\(RegistryURL.percentEncoded(last))>; rel=\"next\"")]
      }
    }
    var object = object
    object[field] = .strings(items)
    var answer = ServerAnswer.json(.object(object))
    answer.headers += headers
    return answer
  }
}

/// A request's body, read block by block.
protocol RequestBody: Sendable {
  /// The next bytes, about a mebibyte at a time; `nil` at the end.
  func nextBlock() async throws -> [UInt8]?
}
