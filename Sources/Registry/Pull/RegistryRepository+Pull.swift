public import OCICore

extension RegistryRepository {
  /// The manifest that a tag, or a digest, names; `nil` where there is none.
  /// - Throws: `RegistryError`.
  public func resolve(_ tag: String) async throws -> Descriptor? {
    let digest = try? Digest(tag)
    if digest == nil { try ImageReference.validate(tag: tag) }
    return try await eachPlace(isDigest: digest != nil) { place in
      let found = try await place.resolve(tag, digest)
      await client.blobs.noteManifest(isThere: found != nil, at: place)
      return found
    }
  }

  /// The content, verified while it is read. A connection that breaks is opened again and the content read on from where it
  /// broke off.
  /// - Throws: `RegistryError`; while reading also `OCIError` when the bytes are not those announced.
  public func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
    let stream = try await open(descriptor, at: 0).verified(as: descriptor)
    guard descriptor.mediaType.isManifest, descriptor.size <= ImageManifest.sizeLimit else { return stream }
    // A manifest that is there vouches for its blobs: they can be mounted from here. What a mirror gave need not be there.
    let bytes = try await stream.collect(upTo: ImageManifest.sizeLimit)
    if try places(isDigest: true).count == 1, let manifest = try? AnyManifest(parsing: bytes, as: descriptor.mediaType)
    {
      await client.blobs.note(
        manifest.children.filter { !$0.mediaType.isManifest && !$0.isElsewhere }.map(\.digest), at: own)
    }
    return ByteStream(bytes)
  }

  /// The content from any byte on, not verified.
  public func source(of descriptor: Descriptor) -> BlobSource {
    BlobSource(openingAt: { offset in try await self.open(descriptor, at: offset) })
  }

  private func open(_ descriptor: Descriptor, at offset: Int64) async throws -> ByteStream {
    let stream = try await eachPlace(isDigest: true) { place -> ByteStream? in
      let download = BlobDownload(place, descriptor, at: offset)
      guard try await download.open() else { return nil }
      return ByteStream { try await download.next() }
    }
    guard let stream else {
      throw RegistryError(
        .notFound, "\(host)/\(name): there is no \(descriptor); check the repository's name and the digest")
    }
    return stream
  }

  /// The first place that has what is looked for. A mirror that fails is passed over; the registry's own answer counts.
  private func eachPlace<Result>(
    isDigest: Bool, _ operation: (Endpoint) async throws -> Result?
  ) async throws -> Result? {
    for place in try places(isDigest: isDigest) {
      do {
        if let found = try await operation(place) { return found }
      } catch let error as RegistryError where place.namespace != nil {
        place.report(.retrying(what: "asking a mirror", reason: error.code.description, attempt: 1, pause: .zero))
      }
    }
    return nil
  }
}

extension Endpoint {
  /// The manifest that a tag or a digest names.
  fileprivate func resolve(_ reference: String, _ digest: Digest?) async throws -> Descriptor? {
    try await retrying("looking for \(reference)") {
      var request = request("HEAD", "manifests/\(reference)")
      request.headers.append(RegistryRepository.acceptManifests)
      let response = try await send(request)
      switch response.status {
      case 200:
        await response.beginning()
        if let descriptor = Self.descriptor(in: response), digest == nil || descriptor.digest == digest {
          return descriptor
        }
      case 404:
        await response.beginning()
        return nil
      case 400, 405: await response.beginning()
      default: throw await failure(response, "looking for \(reference)")
      }
      // The registry leaves out what we need to know: the bytes tell.
      request.method = "GET"
      return try await describe(request, reference, digest)
    }
  }

  private static func descriptor(in response: Response) -> Descriptor? {
    guard let digest = response.header("Docker-Content-Digest").flatMap({ try? Digest($0) }),
      let mediaType = response.header("Content-Type").flatMap({ try? MediaType($0) }), mediaType.isManifest,
      let size = response.header("Content-Length").flatMap({ Int64($0) }), size > 0
    else { return nil }
    return Descriptor(mediaType: mediaType, digest: digest, size: size)
  }

  private func describe(_ request: Request, _ reference: String, _ digest: Digest?) async throws -> Descriptor? {
    let response = try await send(request)
    if response.status == 404 {
      await response.beginning()
      return nil
    }
    guard response.status == 200 else { throw await failure(response, "looking for \(reference)") }
    let bytes = try await response.body.collect(upTo: RegistryRepository.manifestLimit)
    if let digest, try !digest.isDigest(of: bytes) {
      throw violation("gives another manifest than \(digest)", request)
    }
    let fields = try? JSON(parsing: bytes).objectValue
    let type = fields?["mediaType"]?.stringValue ?? response.header("Content-Type")
    guard let mediaType = type.flatMap({ try? MediaType($0) }), mediaType.isManifest else {
      throw violation("gives a manifest whose media type is '\(printable(type ?? "", limit: 100))'", request)
    }
    var descriptor = Descriptor(mediaType: mediaType, describing: bytes)
    if let digest { descriptor.digest = digest }
    return descriptor
  }
}
