/// A place that keeps blobs and manifests by digest: a registry repository, an image layout. The seam between sources
/// and destinations.
public protocol ContentStore: Sendable {
  /// Whether the store has the content.
  func exists(_ descriptor: Descriptor) async throws -> Bool

  /// The content. Its bytes are verified while they are read: the stream fails where they are not those announced.
  /// - Throws: `OCIError.Code.notFound`, or the store's own error.
  func fetch(_ descriptor: Descriptor) async throws -> ByteStream

  /// Takes content, all of it or nothing: the store verifies size and digest before it keeps it.
  func push(_ descriptor: Descriptor, from source: BlobSource) async throws
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
