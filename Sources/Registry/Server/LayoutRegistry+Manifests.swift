internal import OCICore

extension LayoutRegistry {
  /// The largest manifest that is taken and served.
  private static let manifestLimit: Int64 = 4 << 20

  func manifest(_ repository: String, _ reference: ServerRoute.Reference) async throws -> ServerAnswer {
    let unknown = Refusal(404, "MANIFEST_UNKNOWN", "repository \(repository) has no such manifest")
    let digest: Digest
    switch reference {
    case .digest(let named): digest = named
    case .tag(let tag):
      // What was pushed here is named with its repository. A layout that came from elsewhere has bare names, which
      // every repository shares.
      var named = try await layout.resolve("\(repository):\(tag)")
      if named == nil { named = try await layout.resolve(tag) }
      guard let named else { throw unknown }
      digest = named.digest
    }
    guard let size = try await blobSize(digest), size <= Self.manifestLimit else { throw unknown }
    let descriptor = Descriptor(mediaType: .octetStream, digest: digest, size: size)
    let bytes = try await layout.fetch(descriptor).collect(upTo: Int(size))
    guard let mediaType = Self.mediaType(of: bytes) else { throw unknown }
    return ServerAnswer(
      status: 200, headers: [("Content-Type", mediaType.text), ("Docker-Content-Digest", digest.description)],
      body: .bytes(bytes))
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
    let mediaType = try await checkedMediaType(of: bytes, stated: request.headers("Content-Type"))
    var descriptor = Descriptor(mediaType: mediaType, describing: bytes)
    var tags: [String] = []
    switch reference {
    case .tag(let tag): tags = ["\(repository):\(tag)"]
    case .digest(let digest):
      descriptor.digest = digest
      guard try digest.isDigest(of: bytes) else {
        throw Refusal(400, "DIGEST_INVALID", "the manifest's digest is not \(digest)")
      }
    }
    try await layout.publish(descriptor, bytes: bytes, tags: tags)
    return ServerAnswer(
      status: 201,
      headers: [
        ("Location", "/v2/\(repository)/manifests/\(descriptor.digest)"),
        ("Docker-Content-Digest", descriptor.digest.description),
      ])
  }

  /// Checks a manifest and that all it needs is here.
  private func checkedMediaType(of bytes: [UInt8], stated: String?) async throws -> MediaType {
    let written = (try? JSON(parsing: bytes).objectValue)?["mediaType"]?.stringValue
    guard let text = written ?? stated, let type = try? MediaType(text), type.isManifest else {
      throw Refusal(400, "MANIFEST_INVALID", "not an image manifest or index of a known media type")
    }
    if let stated, try MediaType(stated) != type {
      throw Refusal(400, "MANIFEST_INVALID", "the Content-Type is \(stated), but the manifest says \(type)")
    }
    let needed = try AnyManifest(parsing: bytes, as: type).children
    for blob in needed where !blob.isElsewhere {
      guard try await blobSize(blob.digest) != blob.size else { continue }
      throw Refusal(400, "MANIFEST_BLOB_UNKNOWN", "there is no blob \(blob.digest) of \(blob.size) bytes")
    }
    return type
  }
}
