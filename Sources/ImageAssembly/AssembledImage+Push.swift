public import OCICore
internal import Tarball

/// What a push moved.
public struct PushReport: Sendable, Hashable {
  /// The blobs that were sent, config among them.
  public var uploaded: [Descriptor] = []
  /// The blobs that the destination had.
  public var skipped: [Descriptor] = []
  /// The tags that were set. From the first that named something else on, the others are set without being asked about, so
  /// some of them may have named the image already.
  public var movedTags: [String] = []
  /// The tags that named the image already.
  public var unchangedTags: [String] = []

  /// The bytes of the blobs that were sent.
  public var uploadedBytes: Int64 { uploaded.reduce(0) { $0 + $1.size } }
}

extension AssembledImage {
  /// Puts the image into a store: only blobs that it lacks, produced while they are sent; then the manifest; tags last.
  ///
  /// Where every tag names the image already, nothing but the tags is looked at. A failed push moves no tag.
  /// - Parameters:
  ///   - tags: The names to give it; with none, it is only reachable by digest.
  ///   - concurrency: How many blobs are sent at a time, at least one.
  /// - Throws: The store's errors, `TarballError`, or `AssemblyError.Code.contentChanged`.
  @discardableResult
  public func push(
    to destination: some TagStore, tags: [String], concurrency: Int = 3,
    onProgress: @escaping @Sendable (AssemblyProgress) -> Void = { _ in }
  ) async throws -> PushReport {
    let store = destination.writer()
    let concurrency = max(1, concurrency)
    var report = PushReport()
    // From the first tag that must move on, the others are not asked about: moving one costs a request, as asking would.
    for tag in tags {
      guard try await store.resolve(tag)?.digest == descriptor.digest else { break }
      report.unchangedTags.append(tag)
      onProgress(.tagged(tag, changed: false))
    }
    let open = Array(tags.dropFirst(report.unchangedTags.count))
    if open.isEmpty, !tags.isEmpty { return report }
    do {
      // A manifest that is there vouches for its blobs.
      var isKnown = !report.unchangedTags.isEmpty
      if !isKnown { isKnown = try await store.exists(descriptor) }
      if isKnown {
        do {
          try await store.publish(descriptor, bytes: manifestBytes, tags: open)
        } catch let error as OCIError where error.code == .notFound {
          // The store has lost a blob since: send what it lacks.
          isKnown = false
        }
      }
      if !isKnown {
        let outcomes = try await blobs.concurrentMap(width: concurrency) { blob in
          (blob.descriptor, try await push(blob, to: store, .sharing(concurrency), onProgress))
        }
        for (descriptor, isNew) in outcomes {
          if isNew { report.uploaded.append(descriptor) } else { report.skipped.append(descriptor) }
        }
        try await store.publish(descriptor, bytes: manifestBytes, tags: open)
      }
    } catch {
      await store.rollBack()
      throw error
    }
    report.movedTags = open
    for tag in open { onProgress(.tagged(tag, changed: true)) }
    return report
  }

  private struct Blob: Sendable {
    var descriptor: Descriptor
    /// `nil` for the configuration.
    var layer: Layer?
  }

  /// Every blob once, the largest first, so that no large one is left running alone at the end.
  private var blobs: [Blob] {
    var seen: Set<Digest> = []
    let all = [Blob(descriptor: manifest.config)] + layers.map { Blob(descriptor: $0.descriptor, layer: $0) }
    return all.filter { seen.insert($0.descriptor.digest).inserted }.sorted {
      ($1.descriptor.size, $0.descriptor.digest) < ($0.descriptor.size, $1.descriptor.digest)
    }
  }

  /// Sends a blob unless the store has it; tells whether it was sent.
  private func push(
    _ blob: Blob, to store: some TagStore, _ parallelism: LayerParallelism,
    _ onProgress: @Sendable (AssemblyProgress) -> Void
  ) async throws -> Bool {
    if try await store.exists(blob.descriptor) {
      onProgress(.skipped(blob.descriptor))
      return false
    }
    onProgress(.pushing(blob.descriptor))
    if let layer = blob.layer {
      try await push(layer, to: store, parallelism)
    } else {
      try await store.push(blob.descriptor, from: BlobSource(configurationBytes))
    }
    onProgress(.pushed(blob.descriptor))
    return true
  }

  private func push(_ layer: Layer, to store: some TagStore, _ parallelism: LayerParallelism) async throws {
    do {
      try await store.push(
        layer.descriptor, from: layer.content.recipe.source(encoding: encoding, parallelism: parallelism))
    } catch let error as OCIError where error.code == .digestMismatch || error.code == .sizeMismatch {
      // Whatever digest was remembered for this recipe is wrong now.
      try await cache?.forget(layer.content.recipe, encoding)
      throw AssemblyError(
        .contentChanged,
        "the layer of \(layer.content.summary) is not what it was when its digest was computed: something in it was changed; run again when nothing writes to it any more"
      )
    }
  }
}
