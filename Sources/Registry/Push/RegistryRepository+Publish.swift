public import OCICore

extension RegistryRepository {
  /// Stores a manifest and moves the tags to it: in one request where the registry confirms that (`OCI-Tag`), else in one a
  /// tag. Where the manifest has a subject and the registry has no referrers API, the list in the fallback tag is kept.
  /// - Throws: `RegistryError`; `OCIError.Code.digestMismatch` when the bytes are not those of the descriptor; `notFound`
  ///   when the registry says that it lacks a blob of the manifest.
  public func publish(_ manifest: Descriptor, bytes: [UInt8], tags: [String]) async throws {
    for tag in tags {
      try ImageReference.validate(tag: tag)
      try requireTaggable(tag, manifest)
    }
    guard try manifest.digest.isDigest(of: bytes) else {
      throw OCIError(.digestMismatch, "the bytes to publish are not those of manifest \(manifest.digest)")
    }
    guard bytes.count <= ImageManifest.sizeLimit else {
      throw OCIError(
        .limitExceeded,
        "manifest \(manifest.digest) has \(bytes.count) bytes, more than the \(ImageManifest.sizeLimit) that registries take"
      )
    }
    guard !tags.isEmpty else { return try await put(manifest, bytes, as: manifest.digest.description) }
    var rest = tags
    if tags.count > 1, pushing.state.profile.takesManyTags != .no {
      let set = try await put(manifest, bytes, tags: tags)
      rest.removeAll { set.contains($0) }
    }
    for tag in rest { try await put(manifest, bytes, as: tag) }
  }

  /// GitLab takes a tag that looks like a digest for that digest.
  private func requireTaggable(_ tag: String, _ manifest: Descriptor) throws {
    guard pushing.state.profile.readsDigestTags, tag.hasPrefix("sha256-"), tag.utf8.count == 71,
      tag != "sha256-\(manifest.digest.encoded)"
    else { return }
    throw RegistryError(
      .rejected,
      "\(host)/\(name): tag '\(tag)': \(pushing.state.profile.name) reads tags of this form as digests; "
        + "use another spelling, e.g. 'sha256.' in place of 'sha256-'")
  }

  /// Stores a manifest under its digest and asks for many tags at once; gives those that the registry confirms.
  private func put(_ manifest: Descriptor, _ bytes: [UInt8], tags: [String]) async throws -> Set<String> {
    var confirmed: Set<String> = []
    // The specification promises ten.
    for start in stride(from: 0, to: tags.count, by: 10) {
      let some = Array(tags[start..<min(start + 10, tags.count)])
      let response: Response
      do {
        response = try await send(manifest, bytes, as: manifest.digest.description, tags: some)
      } catch let error as RegistryError where [400, 404, 405, 414, 431].contains(error.status) {
        // Asked in the plain way it will say what is wrong, if anything is.
        pushing.state.learn { $0.takesManyTags = .no }
        return confirmed
      }
      let set = response.allHeaders("OCI-Tag").flatMap { $0.split(separator: ",") }
        .map { String($0.filter { $0 != " " }) }.filter(some.contains)
      for tag in set {
        confirmed.insert(tag)
        pushing.report(.published(tag))
      }
      let takesMany = !set.isEmpty
      pushing.state.learn { $0.takesManyTags = takesMany ? .yes : .no }
      guard takesMany else { return confirmed }
    }
    return confirmed
  }

  func put(_ manifest: Descriptor, _ bytes: [UInt8], as reference: String) async throws {
    _ = try await send(manifest, bytes, as: reference)
    pushing.report(.published(reference))
  }

  @discardableResult
  private func send(
    _ manifest: Descriptor, _ bytes: [UInt8], as reference: String, tags: [String] = []
  ) async throws -> Response {
    let response = try await pushing.retrying("publishing \(reference)") {
      var request = pushing.request("PUT", "manifests/\(reference)")
      for tag in tags { request.url = request.url.appendingQuery("tag", tag) }
      request.headers = [("Content-Type", manifest.mediaType.text)]
      request.body = .bytes(bytes)
      let response = try await pushing.send(request)
      guard [200, 201, 202, 204].contains(response.status) else {
        let failure = await pushing.failure(response, "publishing \(reference)")
        if let error = failure as? RegistryError, let missing = Self.missingBlob(error) { throw missing }
        throw failure
      }
      await response.beginning()
      try await check(response, manifest, bytes)
      return response
    }
    await client.blobs.noteManifest(isThere: true, at: pushing)
    if let subject = try? AnyManifest(parsing: bytes, as: manifest.mediaType).subject {
      try await keepReferrers(of: subject, manifest, bytes, isKept: response.header("OCI-Subject") != nil)
    }
    return response
  }

  private static func missingBlob(_ error: RegistryError) -> OCIError? {
    let isMissing = !error.registryCodes.isDisjoint(with: ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"])
    return isMissing ? OCIError(.notFound, error.message) : nil
  }

  private func check(_ response: Response, _ manifest: Descriptor, _ bytes: [UInt8]) async throws {
    // Some registries answer with the digest of another algorithm than the one they were asked for.
    if let answer = response.header("Docker-Content-Digest") {
      guard (try? Digest(answer).isDigest(of: bytes)) == true else {
        throw pushing.violation(
          "says that the manifest \(manifest.digest) is '\(printable(answer, limit: 200))'", response.request)
      }
    } else if response.status != 201 || response.header("Location") == nil {
      // It may be something that says yes to everything.
      guard try await writer().exists(manifest) else {
        throw pushing.violation(
          "says \(response.status), but does not have the manifest \(manifest.digest) afterwards,", response.request)
      }
    }
  }
}
