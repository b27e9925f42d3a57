internal import OCICore
internal import Synchronization

extension LayoutRegistry {
  func openUpload(_ request: Request, _ repository: String) async throws -> ServerAnswer {
    if let mount = request.query["mount"], let digest = try? Digest(mount), try await blobSize(digest) != nil {
      return stored(digest, repository)
    }
    let path = try await uploadPath()
    let upload = try await IOExecutor.run { try Upload(path) }
    let id = String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
    uploads.withLock { $0[id] = upload }
    guard let digest = request.query["digest"] else { return progress(202, upload, repository, id) }
    return try await complete(upload, request, repository, id, try Digest(digest))
  }

  func upload(_ request: Request, _ repository: String, _ id: String) async throws -> ServerAnswer {
    guard let upload = uploads.withLock({ $0[id] }) else {
      throw Refusal(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload")
    }
    switch request.method {
    case "GET", "HEAD": return progress(204, upload, repository, id)
    case "DELETE":
      await remove(upload, id)
      return ServerAnswer(status: 204)
    case "PATCH":
      try checkStart(request, upload, repository, id)
      try await append(request, to: upload)
      return progress(202, upload, repository, id)
    case "PUT":
      guard let digest = request.query["digest"] else { throw Refusal(400, "DIGEST_INVALID", "the digest is missing") }
      try checkStart(request, upload, repository, id)
      return try await complete(upload, request, repository, id, try Digest(digest))
    default: throw Refusal(405, "UNSUPPORTED", "\(request.method) is not supported here")
    }
  }

  /// Chunks come in order (distribution-spec, §pushing a blob in chunks).
  private func checkStart(_ request: Request, _ upload: Upload, _ repository: String, _ id: String) throws {
    guard let range = request.headers("Content-Range") else { return }
    let bounds = range.split(separator: " ").last?.split(separator: "-").compactMap { Int64($0) }
    guard bounds?.count == 2, bounds?.first == upload.size else {
      throw Refusal(
        416, "BLOB_UPLOAD_INVALID", "the chunk does not begin where the last one ended",
        headers: progress(416, upload, repository, id).headers)
    }
  }

  private func append(_ request: Request, to upload: Upload) async throws {
    try upload.begin()
    defer { upload.end() }
    while let block = try await request.body.nextBlock() {
      try await IOExecutor.run { try upload.append(block) }
    }
  }

  private func complete(
    _ upload: Upload, _ request: Request, _ repository: String, _ id: String, _ digest: Digest
  ) async throws -> ServerAnswer {
    try await append(request, to: upload)
    do {
      let size = upload.size
      let function = try digest.requireHashFunction()
      let actual = try await IOExecutor.run { try upload.finish(function) }
      guard actual == digest else {
        throw Refusal(400, "DIGEST_INVALID", "the content's digest is \(actual), not \(digest)")
      }
      try await layout.adopt(upload.path, as: Descriptor(mediaType: .octetStream, digest: digest, size: size))
    } catch {
      await remove(upload, id)
      throw error
    }
    uploads.withLock { $0[id] = nil }
    return stored(digest, repository)
  }

  private func remove(_ upload: Upload, _ id: String) async {
    uploads.withLock { $0[id] = nil }
    _ = try? await IOExecutor.run { FileSystem.removeFile(upload.path) }
  }

  private func stored(_ digest: Digest, _ repository: String) -> ServerAnswer {
    ServerAnswer(
      status: 201,
      headers: [
        ("Location", "/v2/\(repository)/blobs/\(digest)"), ("Docker-Content-Digest", digest.description),
      ])
  }

  private func progress(_ status: Int, _ upload: Upload, _ repository: String, _ id: String) -> ServerAnswer {
    ServerAnswer(
      status: status,
      headers: [
        ("Location", "/v2/\(repository)/blobs/uploads/\(id)"), ("Docker-Upload-UUID", id),
        ("Range", "0-\(max(0, upload.size - 1))"),
      ])
  }
}
