/// A place that keeps blobs and manifests by digest: a registry repository, an image layout, memory. The seam between
/// sources and destinations. `ContentStoreConformance` in `OCITesting` checks a store of your own.
public protocol ContentStore: Sendable {
  /// Whether the store has the content.
  func exists(_ descriptor: Descriptor) async throws -> Bool

  /// The content. Its bytes are verified while they are read: the stream fails where they are not those announced.
  /// - Throws: `OCIError.Code.notFound`, `unsupportedAlgorithm`, or the store's own error.
  func fetch(_ descriptor: Descriptor) async throws -> ByteStream

  /// Takes content, all of it or nothing: the store verifies size and digest before it keeps it. An error of the source is
  /// passed on as it is.
  func push(_ descriptor: Descriptor, from source: BlobSource) async throws

  /// Takes a blob unless the store has it. A store that can ask and take in one step does; others ask first.
  func ensure(_ descriptor: Descriptor, from source: BlobSource) async throws -> PushOutcome

  /// The content from any byte on, not verified: for whoever verifies what it takes, as every store does in `push`, so that
  /// no byte is hashed twice. By default what `fetch` gives.
  func source(of descriptor: Descriptor) -> BlobSource
}

/// How a store came to have a blob.
public enum PushOutcome: Sendable, Hashable {
  /// It was sent.
  case sent
  /// The store had it.
  case existed
  /// The store had it in another place, named here, and linked it.
  case mounted(from: String)
}

extension ContentStore {
  /// Asks, then pushes.
  public func ensure(_ descriptor: Descriptor, from source: BlobSource) async throws -> PushOutcome {
    if try await exists(descriptor) { return .existed }
    try Task.checkCancellation()
    try await push(descriptor, from: source)
    return .sent
  }

  /// What `fetch` gives.
  public func source(of descriptor: Descriptor) -> BlobSource { BlobSource { try await fetch(descriptor) } }
}

/// A content store whose manifests have names that can move.
public protocol TagStore: ContentStore {
  /// The manifest that a tag names, or `nil`.
  func resolve(_ tag: String) async throws -> Descriptor?

  /// Stores a manifest, whose blobs must be there, and moves the tags to it; with no tag it is only reachable by digest.
  func publish(_ manifest: Descriptor, bytes: [UInt8], tags: [String]) async throws

  /// A view of the same store for one push, whose `rollBack` concerns that push alone.
  func writer() -> Self

  /// Takes back, as far as it can, what was pushed since the last `publish`, after a failure.
  func rollBack() async
}

extension TagStore {
  /// The store itself, for one that has nothing to take back.
  public func writer() -> Self { self }

  /// Nothing to take back.
  public func rollBack() async {}
}

/// A content store that knows which manifests are about another: signatures, lists of ingredients, attestations.
public protocol ReferrerStore: ContentStore {
  /// The manifests and indexes whose `subject` is the one given, in the order of their digests, as the referrers API
  /// describes them: with their artifact type and annotations (distribution-spec, §Listing Referrers).
  /// - Parameters:
  ///   - subject: What they are about.
  ///   - artifactType: Those of this type alone; with `nil` all.
  func referrers(of subject: Descriptor, artifactType: MediaType?) async throws -> [Descriptor]
}

extension ContentStore {
  /// Reads a manifest or an index, verified.
  /// - Throws: The store's errors; `OCIError`: `limitExceeded`, `invalidJSON` or `invalidDocument`, naming the manifest.
  public func manifest(_ descriptor: Descriptor) async throws -> (manifest: AnyManifest, bytes: [UInt8]) {
    do {
      guard descriptor.size <= ImageManifest.sizeLimit else {
        throw OCIError(
          .limitExceeded,
          "it has \(descriptor.size) bytes, more than the \(ImageManifest.sizeLimit) that a manifest may have")
      }
      var bytes = descriptor.data ?? []
      // What stands in the descriptor need not be fetched, if it is what the descriptor is about.
      if descriptor.data == nil || (try? descriptor.verify(bytes)) == nil {
        bytes = try await fetch(descriptor).collect(upTo: ImageManifest.sizeLimit)
      }
      return (try AnyManifest(parsing: bytes, as: descriptor.mediaType), bytes)
    } catch let error as OCIError where error.code != .notFound {
      throw OCIError(error.code, "manifest \(descriptor.digest): \(error.message)")
    }
  }
}
