/// The single steps of a copy: one blob, one manifest.
struct CopyTransfer: Sendable {
  /// What a manifest is to the copy.
  enum Role: Sendable {
    case root, child, referrer
  }

  let source: any ContentStore
  let destination: any ContentStore
  let options: CopyOptions
  let onEvent: @Sendable (CopyEvent) -> Void
  /// Puts a manifest, whose children are there, into the destination.
  let place: @Sendable (Descriptor, [UInt8], Role) async throws -> Void

  /// Copies a blob unless the destination has it; tells whether it did.
  func copy(_ blob: Descriptor, of parent: Digest?) async throws -> Bool {
    do {
      if try await destination.exists(blob) {
        onEvent(.skipped(blob, .exists))
        return false
      }
      try Task.checkCancellation()
      onEvent(.started(blob))
      try await destination.push(blob, from: content(of: blob))
      onEvent(.copied(blob))
      return true
    } catch let error as OCIError {
      throw Self.naming(parent, in: error)
    }
  }

  /// Reads a manifest of the source.
  func read(_ manifest: Descriptor, of parent: Digest?) async throws -> (AnyManifest, [UInt8]) {
    do { return try await source.manifest(manifest) } catch let error as OCIError {
      throw Self.naming(parent, in: error)
    }
  }

  private static func naming(_ parent: Digest?, in error: OCIError) -> OCIError {
    guard let parent else { return error }
    return OCIError(error.code, "\(error.message) (needed by manifest \(parent))")
  }

  /// Puts a manifest into the destination unless it has it; tells whether it did.
  func copy(_ manifest: Descriptor, _ bytes: [UInt8], _ role: Role) async throws -> Bool {
    let isThere = try await destination.exists(manifest)
    // One that stands alone is published all the same: it may be there and not be reachable.
    if isThere, role == .child {
      onEvent(.skipped(manifest, .exists))
      return false
    }
    try Task.checkCancellation()
    if !isThere { onEvent(.started(manifest)) }
    try await place(manifest, bytes, role)
    onEvent(isThere ? .skipped(manifest, .exists) : .copied(manifest))
    return !isThere
  }

  private func content(of blob: Descriptor) -> BlobSource {
    if let data = blob.data, (try? blob.verify(data)) != nil { return BlobSource(data) }
    return BlobSource { [source, onEvent] in
      let counter = Counter(try await source.fetch(blob)) { onEvent(.progress(blob, bytes: $0)) }
      return ByteStream { try await counter.next() }
    }
  }

  /// Counts what passes.
  private actor Counter {
    private var iterator: ByteStream.AsyncIterator
    private var count: Int64 = 0
    private let report: @Sendable (Int64) -> Void

    init(_ stream: ByteStream, _ report: @escaping @Sendable (Int64) -> Void) {
      iterator = stream.makeAsyncIterator()
      self.report = report
    }

    func next() async throws -> [UInt8]? {
      guard let chunk = try await iterator.next() else { return nil }
      count += Int64(chunk.count)
      report(count)
      return chunk
    }
  }
}
