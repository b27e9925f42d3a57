public import OCICore

extension AssembledImage {
  /// What it consists of, as a store to copy from.
  /// - Parameter concurrency: How many blobs are read at a time.
  public func content(concurrency: Int = 3) -> AssembledContent { AssembledContent(self, concurrency: concurrency) }

  /// Puts the image into a store: only blobs that it lacks, produced while they are sent; then the manifest; tags last.
  ///
  /// Where every tag names the image already, nothing but the tags is looked at. A failed push moves no tag.
  /// - Parameters:
  ///   - destination: Where it is wanted.
  ///   - tags: The names to give it; with none, it is only reachable by digest.
  ///   - concurrency: How many blobs are sent at a time, at least one.
  ///   - onProgress: Told what goes on, from several tasks at once.
  /// - Throws: The store's errors, `TarballError`, or `AssemblyError.Code.contentChanged`.
  @discardableResult
  public func push(
    to destination: some TagStore, tags: [String], concurrency: Int = 3,
    onProgress: @escaping @Sendable (AssemblyProgress) -> Void = { _ in }
  ) async throws -> CopyReport {
    try await copy(
      descriptor, from: content(concurrency: concurrency), to: destination, tags: tags,
      options: CopyOptions(concurrency: concurrency)
    ) { event in
      switch event {
      case .queued(let blob): onProgress(.queued(blob))
      case .progress(let blob, let bytes): onProgress(.sending(blob, bytes: bytes))
      case .started(let blob) where !blob.mediaType.isManifest: onProgress(.pushing(blob))
      case .copied(let blob) where !blob.mediaType.isManifest: onProgress(.pushed(blob))
      case .skipped(let blob, _) where !blob.mediaType.isManifest: onProgress(.skipped(blob))
      case .tagged(let tag, _, let isChanged): onProgress(.tagged(tag, changed: isChanged))
      case .started, .copied, .skipped: break
      }
    }
  }
}
