public import OCICore

extension RegistryRepository {
  /// The largest manifest that every registry takes.
  static let manifestLimit = 4 << 20

  /// The manifest that a tag, or a digest, names.
  /// - Throws: `RegistryError`.
  public func resolve(_ tag: String) async throws -> Descriptor? {
    if (try? Digest(tag)) == nil { try ImageReference.validate(tag: tag) }
    return try await retrying {
      var request = request("HEAD", "manifests/\(tag)")
      request.headers.append(Self.acceptManifests)
      let response = try await send(request)
      switch response.status {
      case 200:
        _ = await response.beginning()
        if let descriptor = Self.descriptor(from: response) { return descriptor }
      case 404:
        _ = await response.beginning()
        return nil
      case 405: _ = await response.beginning()
      default: throw await failure(response, "looking for tag \(tag)")
      }
      // The registry leaves out what we need to know: the bytes tell.
      request.method = "GET"
      return try await describe(request, tag)
    }
  }

  private static func descriptor(from response: Response) -> Descriptor? {
    guard let digest = response.header("Docker-Content-Digest").flatMap({ try? Digest($0) }),
      let mediaType = response.header("Content-Type").flatMap({ try? MediaType($0) }), mediaType.isManifest,
      let size = response.header("Content-Length").flatMap({ Int64($0) }), size > 0
    else { return nil }
    return Descriptor(mediaType: mediaType, digest: digest, size: size)
  }

  private func describe(_ request: Request, _ tag: String) async throws -> Descriptor? {
    let response = try await send(request)
    if response.status == 404 {
      _ = await response.beginning()
      return nil
    }
    guard response.status == 200 else { throw await failure(response, "looking for tag \(tag)") }
    let bytes = try await response.body.collect(upTo: Self.manifestLimit)
    let fields = try? JSON(parsing: bytes).objectValue
    let type = fields?["mediaType"]?.stringValue ?? response.header("Content-Type")
    guard let mediaType = type.flatMap({ try? MediaType($0) }) else {
      throw violation("gives a manifest without a media type", request)
    }
    return Descriptor(mediaType: mediaType, describing: bytes)
  }

  /// Stores a manifest and moves the tags to it, with exactly one request a tag.
  /// - Throws: `RegistryError`; `OCIError.Code.digestMismatch` when the bytes are not those of the descriptor.
  public func publish(_ manifest: Descriptor, bytes: [UInt8], tags: [String]) async throws {
    for tag in tags { try ImageReference.validate(tag: tag) }
    guard try manifest.digest.isDigest(of: bytes) else {
      throw OCIError(.digestMismatch, "the bytes to publish are not those of manifest \(manifest.digest)")
    }
    for reference in tags.isEmpty ? [manifest.digest.description] : tags {
      try await put(manifest, bytes, as: reference)
    }
  }

  func put(_ manifest: Descriptor, _ bytes: [UInt8], as reference: String) async throws {
    try await retrying {
      var request = request("PUT", "manifests/\(reference)")
      request.headers = [("Content-Type", manifest.mediaType.text)]
      request.body = .bytes(bytes)
      let response = try await send(request)
      guard [200, 201, 202].contains(response.status) else {
        throw await failure(response, "publishing \(reference)")
      }
      _ = await response.beginning()
      // Some registries answer with the digest of another algorithm than the one they were asked for.
      if let answer = response.header("Docker-Content-Digest"),
        (try? Digest(answer).isDigest(of: bytes)) != true
      {
        throw violation("says that the manifest \(manifest.digest) is '\(answer.prefix(200))'", request)
      }
    }
  }
}
