internal import OCICore
internal import Synchronization

extension LayoutRegistry {
  func openUpload(_ request: Request, _ repository: String) async throws -> ServerAnswer {
    if let mounted = try await mount(request, repository) { return mounted }
    let digest = try request.query["digest"].map { try Digest($0) }
    if digest != nil { try refuse(request.manners.singlePost) }
    let path = try await uploadPath()
    let upload = try await IOExecutor.run { try Upload(path) }
    let id = String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
    uploads.withLock { $0[id] = upload }
    guard let digest, request.manners.singlePost == .obey else {
      var answer = progress(202, upload, request, repository, id)
      if let minimum = request.manners.announcedChunk.minimum {
        answer.headers.append(("OCI-Chunk-Min-Length", "\(minimum)"))
      }
      if let maximum = request.manners.announcedChunk.maximum {
        answer.headers.append(("OCI-Chunk-Max-Length", "\(maximum)"))
      }
      return answer
    }
    do {
      return try await complete(upload, request, repository, id, digest)
    } catch {
      await remove(upload, id)
      throw error
    }
  }

  /// Links a blob of another repository; `nil` where an upload begins instead.
  private func mount(_ request: Request, _ repository: String) async throws -> ServerAnswer? {
    guard let text = request.query["mount"], let digest = try? Digest(text) else { return nil }
    let source = request.query["from"]
    let manner = source == nil ? request.manners.mountFromAnywhere : request.manners.mount
    try refuse(manner)
    guard manner == .obey else { return nil }
    if let source, request.manners.separatesRepositories, source != repository, !request.mayPull(source) {
      throw Refusal(401, "UNAUTHORIZED", "the token is not for repository \(source)")
    }
    let isThere =
      if let source { try await hasBlob(digest, in: source, request) } else { try await blobSize(digest) != nil }
    guard isThere else { return nil }
    link(digest, in: repository)
    return stored(digest, request, repository, status: 201)
  }

  private func refuse(_ manner: RegistryManners.Answer) throws {
    guard case .refuse(let status, let code) = manner else { return }
    throw Refusal(status, code, "this is not supported here")
  }

  func upload(_ request: Request, _ repository: String, _ id: String) async throws -> ServerAnswer {
    guard let upload = uploads.withLock({ $0[id] }) else {
      throw Refusal(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload")
    }
    let isRanged = request.headers("Content-Range") != nil
    switch request.method {
    case "GET", "HEAD":
      guard request.manners.resumes else { throw Refusal(404, "BLOB_UPLOAD_INVALID", "the upload's state is another") }
      var answer = progress(204, upload, request, repository, id)
      if !request.manners.repeatsLocation { answer.headers.removeAll { $0.name == "Location" } }
      return answer
    case "DELETE":
      await remove(upload, id)
      return ServerAnswer(status: 204)
    case "PATCH":
      try refuse(isRanged ? request.manners.rangedPatch : request.manners.streamedPatch)
      if !isRanged, request.manners.streamedPatch == .decline, upload.size > 0 {
        throw Refusal(400, "BLOB_UPLOAD_INVALID", "stream uploads after first write are not allowed")
      }
      if isRanged, let limit = request.manners.rangedPatchLimit, request.length ?? .max > limit {
        throw Refusal(416, "REQUESTED_RANGE_NOT_SATISFIABLE", "the range is too large")
      }
      try checkStart(request, upload, repository, id)
      try await append(request, to: upload)
      return progress(request.manners.patchStatus, upload, request, repository, id)
    case "PUT":
      guard let digest = request.query["digest"] else { throw Refusal(400, "DIGEST_INVALID", "the digest is missing") }
      if request.length ?? 1 > 0, upload.size == 0 { try refuse(request.manners.wholePut) }
      try checkStart(request, upload, repository, id)
      return try await complete(upload, request, repository, id, try Digest(digest))
    default: throw Refusal(405, "UNSUPPORTED", "\(request.method) is not supported here")
    }
  }

  /// Chunks come in order (distribution-spec, §pushing a blob in chunks).
  private func checkStart(_ request: Request, _ upload: Upload, _ repository: String, _ id: String) throws {
    guard !request.manners.ignoresContentRange, let range = request.headers("Content-Range") else { return }
    let bounds = range.split(separator: " ").last?.split(separator: "-").compactMap { Int64($0) }
    guard bounds?.count == 2, bounds?.first == upload.size else {
      throw Refusal(
        416, "BLOB_UPLOAD_INVALID", "the chunk does not begin where the last one ended",
        headers: progress(416, upload, request, repository, id).headers)
    }
  }

  private func append(_ request: Request, to upload: Upload) async throws {
    try upload.begin()
    defer { upload.end() }
    let chunks = upload.countRequest()
    // As one registry does it: from the third chunk on the bytes are lost.
    let isLost = request.manners.rangedPatch == .decline && request.method == "PATCH" && chunks > 2
    while let block = try await request.body.nextBlock() {
      if !isLost { try await IOExecutor.run { try upload.append(block) } }
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
    link(digest, in: repository)
    return stored(digest, request, repository, status: request.manners.putStatus)
  }

  private func remove(_ upload: Upload, _ id: String) async {
    uploads.withLock { $0[id] = nil }
    _ = try? await IOExecutor.run { FileSystem.removeFile(upload.path) }
  }

  private func stored(_ digest: Digest, _ request: Request, _ repository: String, status: Int) -> ServerAnswer {
    ServerAnswer(
      status: status,
      headers: [
        ("Location", "/v2/\(repository)/blobs/\(digest)"), ("Docker-Content-Digest", digest.description),
      ])
  }

  private func progress(
    _ status: Int, _ upload: Upload, _ request: Request, _ repository: String, _ id: String
  ) -> ServerAnswer {
    let parameter = request.manners.uploadParameter.map { "?\($0)=\(upload.size)" } ?? ""
    var answer = ServerAnswer(
      status: status,
      headers: [
        ("Location", "\(request.manners.redirectsUploadsTo ?? "")/v2/\(repository)/blobs/uploads/\(id)\(parameter)"),
        ("Docker-Upload-UUID", id),
      ])
    let size = upload.size
    let range: String? =
      switch request.manners.statusRange {
      case .last: "0-\(max(0, size - 1))"
      case .signed: "0-\(size - 1)"
      case .count: "bytes=0-\(size)"
      case .fixed(let text): text
      case .missing: nil
      }
    if let range { answer.headers.append(("Range", range)) }
    return answer
  }
}
