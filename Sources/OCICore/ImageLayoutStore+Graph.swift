extension ImageLayoutStore {
  /// The first blob that a manifest or index needs, itself included, and the layout lacks or has damaged.
  func firstMissing(of root: Descriptor) throws(OCIError) -> Descriptor? {
    var missing: Descriptor?
    try walk([root]) { (descriptor, _) throws(OCIError) in
      guard try !has(descriptor) else { return true }
      if !descriptor.isElsewhere { missing = missing ?? descriptor }
      return false
    } damaged: { descriptor in
      missing = missing ?? descriptor
    }
    return missing
  }

  /// Visits everything below some descriptors, each once.
  /// - Parameters:
  ///   - visit: Is given each descriptor and how deep it is; tells whether to go on below it.
  ///   - damaged: Is given the manifests whose bytes are not theirs.
  /// - Throws: What `visit` throws; `OCIError` for a manifest that cannot be read, or too deep a nesting.
  func walk(
    _ roots: [Descriptor], visit: (Descriptor, Int) throws(OCIError) -> Bool,
    damaged: (Descriptor) throws(OCIError) -> Void
  ) throws(OCIError) {
    var seen: Set<Digest> = []
    var pile = roots.reversed().map { ($0, 0) }
    while let (descriptor, depth) = pile.popLast() {
      // An index may list one manifest a thousand times, on every level.
      guard seen.insert(descriptor.digest).inserted, try visit(descriptor, depth), descriptor.mediaType.isManifest
      else {
        continue
      }
      guard depth <= AnyManifest.maximumDepth else {
        throw OCIError(
          .limitExceeded,
          "image layout '\(path)': \(descriptor.digest) is nested more than \(AnyManifest.maximumDepth) levels deep")
      }
      do {
        pile += try readManifest(descriptor).children.reversed().map { ($0, depth + 1) }
      } catch {
        guard error.code == .digestMismatch || error.code == .sizeMismatch else { throw error }
        try damaged(descriptor)
      }
    }
  }
}

extension ImageLayoutStore: ReferrerStore {
  /// The manifests that `index.json` lists, itself or through indexes, whose subject is the one given.
  public func referrers(of subject: Descriptor, artifactType: MediaType?) async throws -> [Descriptor] {
    try await IOExecutor.run { [self] in
      var found: [Descriptor] = []
      try walk(try readIndex()?.manifests ?? []) { (descriptor, _) throws(OCIError) in
        guard descriptor.mediaType.isManifest, try has(descriptor) else { return false }
        let manifest = try readManifest(descriptor)
        if manifest.subject?.digest == subject.digest { found.append(manifest.referrer(descriptor)) }
        return true
      } damaged: { _ in
      }
      return found.selected(artifactType)
    }
  }
}
