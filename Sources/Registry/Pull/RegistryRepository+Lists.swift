public import OCICore

extension RegistryRepository {
  /// The repository's tags, in byte order (distribution-spec §Listing Tags).
  /// - Throws: `RegistryError`; `notFound` where there is no such repository.
  public func tags() async throws -> [String] {
    var tags: Set<String> = []
    let isThere = try await own.pages("tags/list?n=1000", "listing tags") { page, _ in
      let before = tags.count
      tags.formUnion(page["tags"]?.arrayValue?.compactMap(\.stringValue) ?? [])
      return tags.count > before
    }
    guard isThere else {
      throw RegistryError(
        .notFound, "\(host)/\(name): there is no such repository; check its name, and your right to see it")
    }
    return tags.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Deletes a manifest, with all its tags, or a blob (distribution-spec §Content Management).
  /// - Throws: `RegistryError`; `notFound` where it is not there, `rejected` where the registry deletes nothing.
  public func delete(_ descriptor: Descriptor) async throws {
    try await delete(Self.path(of: descriptor), "deleting \(descriptor.digest)")
  }

  /// Deletes a tag and leaves the manifest.
  /// - Throws: `RegistryError`; `rejected` where the registry deletes no tags, as many do not.
  public func delete(tag: String) async throws {
    try ImageReference.validate(tag: tag)
    try await delete("manifests/\(tag)", "deleting tag \(tag)")
  }

  private func delete(_ path: String, _ what: String) async throws {
    let endpoint = Endpoint(client, reference, actions: "pull,push,delete")
    try await endpoint.retrying(what) {
      let response = try await endpoint.send(endpoint.request("DELETE", path))
      guard response.isSuccess else {
        let failure = await endpoint.failure(response, what)
        guard response.status == 405, let error = failure as? RegistryError else { throw failure }
        throw RegistryError(.rejected, "\(error.message) (this registry does not delete by request)")
      }
      await response.beginning()
    }
  }
}

extension RegistryClient {
  /// The names of a registry's repositories, in byte order, where it tells them (`_catalog`, which no specification has and
  /// many registries do).
  /// - Throws: `RegistryError`; `notFound` where it does not.
  public func catalog(of host: String) async throws -> [String] {
    let endpoint = Endpoint(self, registry: try ImageReference(host: host, repository: "any/name"), actions: "catalog")
    var names: Set<String> = []
    let isThere = try await endpoint.pages("_catalog?n=1000", "listing repositories") { page, _ in
      let before = names.count
      names.formUnion(page["repositories"]?.arrayValue?.compactMap(\.stringValue) ?? [])
      return names.count > before
    }
    guard isThere else { throw RegistryError(.notFound, "\(host): the registry does not list its repositories") }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Asks a registry whether it is one, and takes our credentials (distribution-spec §Determining Support).
  /// - Throws: `RegistryError`.
  public func check(_ host: String) async throws {
    let endpoint = Endpoint(self, registry: try ImageReference(host: host, repository: "any/name"), actions: "")
    try await endpoint.retrying("asking for its version") {
      let response = try await endpoint.send(endpoint.request("GET", ""))
      guard response.status == 200 else { throw await endpoint.failure(response, "asking for its version") }
      await response.beginning()
    }
  }
}
