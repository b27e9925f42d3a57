public import OCICore

/// Several stores as one, for copies of what lies in more than one of them: the first that has something gives it.
public struct CompositeContent: ContentStore {
  private let documents: [Digest: [UInt8]]
  private let stores: [any ContentStore]

  /// Creates a store.
  /// - Parameters:
  ///   - documents: Manifests and other small blobs at hand.
  ///   - stores: Where the rest is.
  public init(documents: [[UInt8]] = [], _ stores: [any ContentStore]) {
    self.documents = Dictionary(documents.map { (.of($0), $0) }, uniquingKeysWith: { first, _ in first })
    self.stores = stores
  }

  private func store(of descriptor: Descriptor) async throws -> any ContentStore {
    // One alone is not asked twice.
    for store in stores.dropLast() where try await store.exists(descriptor) { return store }
    guard let last = stores.last else { throw OCIError(.notFound, "there is no \(descriptor.digest)") }
    return last
  }

  /// Whether one of the stores has it.
  public func exists(_ descriptor: Descriptor) async throws -> Bool {
    if documents[descriptor.digest] != nil { return true }
    for store in stores where try await store.exists(descriptor) { return true }
    return false
  }

  /// What the first store that has it gives.
  public func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
    if let bytes = documents[descriptor.digest] { return ByteStream(bytes) }
    return try await store(of: descriptor).fetch(descriptor)
  }

  /// What the first store that has it gives, from any byte on.
  public func source(of descriptor: Descriptor) -> BlobSource {
    if let bytes = documents[descriptor.digest] { return BlobSource(bytes) }
    return BlobSource(openingAt: { offset in
      try await store(of: descriptor).source(of: descriptor).open(at: offset)
    })
  }

  /// Takes nothing.
  /// - Throws: `OCIError.Code.invalidDocument`.
  public func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
    throw OCIError(.invalidDocument, "several stores read as one take no content")
  }
}
