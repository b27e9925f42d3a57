internal import OCICore
internal import Synchronization
internal import SystemPackage

/// The distribution-spec's requests over one image layout, which all repositories share. Knows nothing of HTTP's wire.
final class LayoutRegistry: Sendable {
  /// A request, with what its route needs.
  struct Request {
    let method: String
    let query: [String: String]
    let headers: (String) -> String?
    let body: any RequestBody
  }

  let layout: ImageLayoutStore
  /// Never publishes, so from the first upload on it holds the layout against a garbage collection by another process:
  /// the blobs of one client wait for their manifest while another publishes.
  private let holder: ImageLayoutStore
  let uploads = Mutex<[String: Upload]>([:])

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
    case .catalog where isRead: return try await catalog()
    case .tags(let repository) where isRead: return try await tags(of: repository, request.query)
    case .blob(_, let digest) where isRead: return try await blob(digest)
    case .manifest(let repository, let reference) where isRead: return try await manifest(repository, reference)
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

  private func blob(_ digest: Digest) async throws -> ServerAnswer {
    guard let size = try await blobSize(digest) else {
      throw Refusal(404, "BLOB_UNKNOWN", "there is no blob \(digest)")
    }
    let file = try await IOExecutor.run { [layout] in try layout.openBlob(digest) }
    return ServerAnswer(
      status: 200,
      headers: [("Content-Type", MediaType.octetStream.text), ("Docker-Content-Digest", digest.description)],
      body: .stream(ByteStream(reading: file), length: size))
  }

  // MARK: Lists

  private func names() async throws -> [String] {
    try await layout.index()?.manifests.compactMap { $0.annotations[AnnotationKey.referenceName] } ?? []
  }

  private func catalog() async throws -> ServerAnswer {
    let repositories = Set(try await names().compactMap { name in name.lastIndex(of: ":").map { String(name[..<$0]) } })
    var object = JSON.Object()
    object["repositories"] = .strings(repositories.sorted(by: byteOrder))
    return .json(.object(object))
  }

  private func tags(of repository: String, _ query: [String: String]) async throws -> ServerAnswer {
    let prefix = "\(repository):"
    let found = try await names().compactMap { name -> String? in
      let tag = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
      return (try? ImageReference.validate(tag: tag)) == nil ? nil : tag
    }
    var tags = Set(found).sorted(by: byteOrder)
    guard !tags.isEmpty else { throw Refusal(404, "NAME_UNKNOWN", "there is no repository \(repository)") }
    if let last = query["last"] { tags = tags.filter { byteOrder(last, $0) } }
    var headers: [(name: String, value: String)] = []
    if let count = query["n"].flatMap({ Int($0) }), count >= 0, tags.count > count {
      tags = Array(tags.prefix(count))
      if let last = tags.last {
        headers = [("Link", "</v2/\(repository)/tags/list?n=\(count)&last=\(last)>; rel=\"next\"")]
      }
    }
    var object = JSON.Object()
    object["name"] = .string(repository)
    object["tags"] = .strings(tags)
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
