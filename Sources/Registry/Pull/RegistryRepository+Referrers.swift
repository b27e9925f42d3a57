public import OCICore

/// Manifests that are about another (distribution-spec §Listing Referrers), by the registry's own list or by the fallback tag.
extension RegistryRepository {
  /// The manifests whose subject is the one given, in the order of their digests.
  /// - Throws: `RegistryError`.
  public func referrers(of subject: Descriptor, artifactType: MediaType?) async throws -> [Descriptor] {
    var found: [Descriptor]?
    if pushing.state.profile.hasReferrers != .no { found = try await listed(subject) }
    if found == nil { found = try await fallback(subject)?.index.manifests }
    // A registry need not filter, and one that says it does may be wrong.
    var seen: Set<Digest> = []
    return (found ?? []).filter { seen.insert($0.digest).inserted }.selected(artifactType)
  }

  /// What the referrers API says; `nil` where there is none.
  private func listed(_ subject: Descriptor) async throws -> [Descriptor]? {
    var found: [Descriptor] = []
    let endpoint = own
    do {
      let isThere = try await endpoint.pages(
        "referrers/\(subject.digest)", "listing what refers to \(subject.digest)",
        headers: [("Accept", MediaType.imageIndex.text)]
      ) { page, response in
        // A page in place of the API may say 200, too.
        guard response.header("Content-Type")?.hasPrefix(MediaType.imageIndex.text) == true else { throw NoList() }
        let index = try ImageIndex(.object(page))
        found += index.manifests
        return !index.manifests.isEmpty
      }
      guard isThere else { throw NoList() }
      endpoint.state.learn { $0.hasReferrers = .yes }
      return found
    } catch is NoList {
      endpoint.state.learn { $0.hasReferrers = .no }
      return nil
    }
  }

  private struct NoList: Error {}

  // MARK: The fallback tag

  /// The tag that holds the list where the registry has none: the algorithm and the digits, cut and cleaned as the
  /// distribution-spec says (§Referrers Tag Schema).
  static func referrersTag(_ digest: Digest) -> String {
    func cleaned(_ text: String, _ limit: Int) -> String {
      String(text.prefix(limit).map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" })
    }
    return "\(cleaned(digest.algorithm.name, 32))-\(cleaned(digest.encoded, 64))"
  }

  private struct Fallback {
    var index: ImageIndex
    var descriptor: Descriptor
    var entityTag: String?
  }

  /// The list in the fallback tag; `nil` where there is none. GitLab gives the subject itself, which is no list.
  private func fallback(_ subject: Descriptor) async throws -> Fallback? {
    let tag = Self.referrersTag(subject.digest)
    let endpoint = own
    return try await endpoint.retrying("reading \(tag)") {
      var request = endpoint.request("GET", "manifests/\(tag)")
      request.headers.append(Self.acceptManifests)
      let response = try await endpoint.send(request)
      if response.status == 404 {
        await response.beginning()
        return nil
      }
      guard response.status == 200 else { throw await endpoint.failure(response, "reading \(tag)") }
      let bytes = try await response.body.collect(upTo: ImageIndex.sizeLimit)
      guard try !subject.digest.isDigest(of: bytes) else {
        endpoint.state.learn { $0.readsDigestTags = true }
        return nil
      }
      guard let index = try? ImageIndex(parsing: bytes) else {
        throw endpoint.violation("has a tag \(tag) that is no list of referrers", request)
      }
      return Fallback(
        index: index, descriptor: Descriptor(mediaType: index.mediaType, describing: bytes),
        entityTag: response.header("ETag"))
    }
  }

  /// After a manifest with a subject was stored: adds it to the list in the fallback tag, unless the registry keeps one.
  func keepReferrers(of subject: Descriptor, _ manifest: Descriptor, _ bytes: [UInt8], isKept: Bool) async throws {
    guard !isKept else {
      pushing.state.learn { $0.hasReferrers = .yes }
      return
    }
    guard !pushing.state.profile.readsDigestTags,
      let document = try? AnyManifest(parsing: bytes, as: manifest.mediaType)
    else { return }
    let entry = document.referrer(manifest)
    let tag = Self.referrersTag(subject.digest)
    // One writer of this process at a time; and others may write the same list, so after each attempt it is read again.
    let lane = BlobLedger.Lane(origin: pushing.base.origin, repository: "\(name):\(tag)", digest: subject.digest)
    try await client.blobs.run(lane) { _ in try await add(entry, to: tag, of: subject, manifest) }
  }

  private func add(
    _ entry: Descriptor, to tag: String, of subject: Descriptor, _ manifest: Descriptor
  ) async throws {
    for _ in 0..<8 {
      let old = try await writer().fallback(subject)
      // Found out on the way: the tag is not ours to write.
      if pushing.state.profile.readsDigestTags { return }
      var index = old?.index ?? ImageIndex()
      if index.manifests.contains(where: { $0.digest == entry.digest }) { return }
      index.manifests.append(entry)
      try await replace(old, by: try Document(index), at: tag)
    }
    throw RegistryError(
      .unavailable,
      "\(host)/\(name): others kept changing the list of referrers in tag \(tag); \(manifest.digest) is stored but not listed: push it again"
    )
  }

  /// Writes the list, if it is still the one that was read, where the registry can tell.
  private func replace(_ old: Fallback?, by new: Document<ImageIndex>, at tag: String) async throws {
    try await pushing.retrying("publishing \(tag)") {
      var request = pushing.request("PUT", "manifests/\(tag)")
      request.headers = [("Content-Type", new.descriptor.mediaType.text)]
      if let entityTag = old?.entityTag { request.headers.append(("If-Match", entityTag)) }
      request.body = .bytes(new.bytes)
      let response = try await pushing.send(request)
      guard response.isSuccess || response.status == 412 else {
        throw await pushing.failure(response, "publishing \(tag)")
      }
      await response.beginning()
    }
  }
}
