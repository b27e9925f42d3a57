internal import OCICore

extension LayoutRegistry {
  /// The largest manifest that is taken and served.
  private static let manifestLimit: Int64 = 4 << 20

  func manifest(
    _ request: Request, _ repository: String, _ reference: ServerRoute.Reference
  ) async throws -> ServerAnswer {
    let unknown = Refusal(404, "MANIFEST_UNKNOWN", "repository \(repository) has no such manifest")
    let digest: Digest
    switch reference {
    case .digest(let named): digest = named
    case .tag(let tag):
      guard let named = try await digestOf(tag: tag, repository, request) else { throw unknown }
      digest = named
    }
    guard !isDeleted(digest, in: repository) else { throw unknown }
    if request.manners.separatesRepositories, try await !hasBlob(digest, in: repository, request) { throw unknown }
    guard let size = try await blobSize(digest), size <= Self.manifestLimit else { throw unknown }
    let descriptor = Descriptor(mediaType: .octetStream, digest: digest, size: size)
    let bytes = try await layout.fetch(descriptor).collect(upTo: Int(size))
    guard let mediaType = Self.mediaType(of: bytes) else { throw unknown }
    return ServerAnswer(
      status: 200,
      headers: [
        ("Content-Type", mediaType.text), ("Docker-Content-Digest", digest.description), ("ETag", "\"\(digest)\""),
      ],
      body: .bytes(bytes))
  }

  private func digestOf(tag: String, _ repository: String, _ request: Request) async throws -> Digest? {
    if request.manners.readsDigestTags, tag.hasPrefix("sha256-"),
      let digest = try? Digest("sha256:\(tag.dropFirst(7))"),
      try await blobSize(digest) != nil
    {
      return digest
    }
    // What was pushed here is named with its repository. A layout that came from elsewhere has bare names, which every
    // repository shares.
    if let named = try await layout.resolve("\(repository):\(tag)") { return named.digest }
    guard !request.manners.separatesRepositories else { return nil }
    return try await layout.resolve(tag)?.digest
  }

  /// The media type that a manifest says, or that its members show; `nil` when it is no manifest.
  private static func mediaType(of bytes: [UInt8]) -> MediaType? {
    if let manifest = try? ImageManifest(parsing: bytes) { return manifest.mediaType }
    guard let index = try? ImageIndex(parsing: bytes) else { return nil }
    return index.mediaType
  }

  func putManifest(
    _ request: Request, _ repository: String, _ reference: ServerRoute.Reference
  ) async throws -> ServerAnswer {
    var bytes: [UInt8] = []
    while let block = try await request.body.nextBlock() {
      bytes += block
      guard bytes.count <= Self.manifestLimit else {
        throw Refusal(413, "SIZE_INVALID", "the manifest is larger than \(Self.manifestLimit) bytes")
      }
    }
    let (mediaType, document) = try await checkedManifest(bytes, request, repository)
    var descriptor = Descriptor(mediaType: mediaType, describing: bytes)
    var tags: [String] = []
    switch reference {
    case .tag(let tag): tags = [tag]
    case .digest(let digest):
      descriptor.digest = digest
      guard try digest.isDigest(of: bytes) else {
        throw Refusal(400, "DIGEST_INVALID", "the manifest's digest is not \(digest)")
      }
      tags = try manyTags(request)
    }
    if let wanted = request.headers("If-Match"), case .tag(let tag) = reference {
      let current = try await digestOf(tag: tag, repository, request)
      guard wanted == current.map({ "\"\($0)\"" }) else {
        throw Refusal(412, "DENIED", "tag \(tag) names another manifest by now")
      }
    }
    if request.manners.hasImmutableTags {
      for tag in tags where try await digestOf(tag: tag, repository, request) != nil {
        throw Refusal(400, "TAG_INVALID", "tag \(tag) cannot be set again")
      }
    }
    try await layout.publish(descriptor, bytes: bytes, tags: tags.map { "\(repository):\($0)" })
    link(descriptor.digest, in: repository)
    var answer = ServerAnswer(
      status: 201,
      headers: [
        ("Location", "/v2/\(repository)/manifests/\(descriptor.digest)"),
        ("Docker-Content-Digest", descriptor.digest.description),
      ])
    if case .digest = reference, !tags.isEmpty { answer.headers.append(("OCI-Tag", tags.joined(separator: ", "))) }
    if let subject = document.subject, request.manners.referrers == .obey {
      answer.headers.append(("OCI-Subject", subject.digest.description))
    }
    return answer
  }

  /// The tags that a PUT by digest asks for (distribution-spec §Pushing Manifests).
  private func manyTags(_ request: Request) throws -> [String] {
    let tags = request.tags
    guard !tags.isEmpty else { return [] }
    switch request.manners.manyTags {
    case .obey: break
    case .decline: return []
    case .refuse(let status, let code): throw Refusal(status, code, "one tag at a time")
    }
    for tag in tags { try ImageReference.validate(tag: tag) }
    return tags
  }

  func deleteManifest(
    _ request: Request, _ repository: String, _ reference: ServerRoute.Reference
  ) async throws -> ServerAnswer {
    let unknown = Refusal(404, "MANIFEST_UNKNOWN", "repository \(repository) has no such manifest")
    switch reference {
    case .tag(let tag):
      if case .refuse(let status, let code) = request.manners.deletesTags {
        throw Refusal(status, code, "tags cannot be deleted here")
      }
      guard try await layout.untag("\(repository):\(tag)") else { throw unknown }
    case .digest(let digest):
      let prefix = "\(repository):"
      let entries = try await layout.index()?.manifests.filter { $0.digest == digest } ?? []
      let names = entries.compactMap { $0.annotations[AnnotationKey.referenceName] }.filter { $0.hasPrefix(prefix) }
      guard !entries.isEmpty, !isDeleted(digest, in: repository) else { throw unknown }
      for name in names { _ = try await layout.untag(name) }
      unlink(digest, in: repository)
    }
    return ServerAnswer(status: 202)
  }

  /// What refers to a manifest (distribution-spec §Listing Referrers).
  func referrers(of digest: Digest, _ request: Request, _ repository: String) async throws -> ServerAnswer {
    if case .refuse(let status, let code) = request.manners.referrers {
      throw Refusal(status, code, "there is no list of referrers here")
    }
    let subject = Descriptor(mediaType: .imageManifest, digest: digest, size: 0)
    let type = try request.query["artifactType"].map { try MediaType($0) }
    var found: [Descriptor] = []
    for referrer in try await layout.referrers(of: subject, artifactType: type)
    where try await hasBlob(referrer.digest, in: repository, request) {
      found.append(referrer)
    }
    var headers: [(name: String, value: String)] = [("Content-Type", MediaType.imageIndex.text)]
    if type != nil { headers.append(("OCI-Filters-Applied", "artifactType")) }
    if let size = request.manners.pageSize {
      let start = min(request.query["start"].flatMap { Int($0) } ?? 0, found.count)
      let end = min(start + size, found.count)
      if end < found.count {
        headers.append(("Link", "</v2/\(repository)/referrers/\(digest)?start=\(end)>; rel=\"next\""))
      }
      found = Array(found[max(0, start)..<end])
    }
    return ServerAnswer(status: 200, headers: headers, body: .bytes(ImageIndex(manifests: found).canonicalBytes))
  }

  /// Checks a manifest and that all it needs is here.
  private func checkedManifest(
    _ bytes: [UInt8], _ request: Request, _ repository: String
  ) async throws -> (MediaType, AnyManifest) {
    let stated = request.headers("Content-Type")
    let written = (try? JSON(parsing: bytes).objectValue)?["mediaType"]?.stringValue
    guard let text = written ?? stated, let type = try? MediaType(text), type.isManifest else {
      throw Refusal(400, "MANIFEST_INVALID", "not an image manifest or index of a known media type")
    }
    if let stated, try MediaType(stated) != type {
      throw Refusal(400, "MANIFEST_INVALID", "the Content-Type is \(stated), but the manifest says \(type)")
    }
    let document = try AnyManifest(parsing: bytes, as: type)
    for blob in document.children where !blob.isElsewhere {
      let isThere = try await hasBlob(blob.digest, in: repository, request)
      if isThere, try await blobSize(blob.digest) == blob.size { continue }
      throw Refusal(400, "MANIFEST_BLOB_UNKNOWN", "there is no blob \(blob.digest) of \(blob.size) bytes")
    }
    return (type, document)
  }
}
