internal import Dispatch
internal import OCICore
internal import Synchronization
internal import SystemPackage

/// Digests a layer: takes the batches in order and has them hashed.
///
/// Sendable, because the streams belong to whoever hashes them until the last batch is done, and the rest is used by one thread at a
/// time.
final class LayerHash: LayerPipeline.Consumer, @unchecked Sendable {
  private let order: LayerPipeline.Order
  private let onProgress: (@Sendable (Int64) -> Void)?
  private let tar: SHA256Stream
  /// `nil` where the blob is the tar.
  private let blob: SHA256Stream?
  private var checksum: GzipChecksum
  private let checkpointNames: [String]
  private let client: HashLanes.Client
  /// What has been submitted and is not hashed yet.
  private let open = DispatchGroup()

  static func run(
    _ order: LayerPipeline.Order, _ onProgress: (@Sendable (Int64) -> Void)?
  ) async throws -> LayerDigests {
    let canceller = Canceller()
    return try await WorkerThread.run(onCancel: canceller.cancel) { try digest(order, onProgress, canceller) }
  }

  private static func digest(
    _ order: LayerPipeline.Order, _ onProgress: (@Sendable (Int64) -> Void)?, _ canceller: Canceller
  ) throws -> LayerDigests {
    // Not without a cache: the name has the digest of every file at hand in it.
    let name = order.cache.flatMap { order.recipe.cacheName(order.encoding, $0) }
    if let name, let known = order.cache?.digests(for: name) { return known }
    var order = order
    if order.listing == nil, order.cache?.wantsListings == true, try order.recipe.verbatimTar == nil {
      order.listing = LayerListingBuilder()
    }
    let hash: LayerHash
    (hash, order) = LayerHash.begin(order, onProgress)
    let pipeline = LayerPipeline(order)
    canceller.watch(pipeline)
    // Nothing is in flight any more when this returns or throws.
    defer { hash.end() }
    try pipeline.run(hash)
    hash.wait()
    let digests = hash.finish()
    if let name { order.cache?.store(digests, for: name) }
    // What was skipped is not listed.
    if let listing = order.listing?.listing, order.skippedSources == 0 {
      order.cache?.store(listing, for: digests.diffID)
    }
    return digests
  }

  /// Begins after the longest run of leading sources that the cache knows.
  private static func begin(
    _ order: LayerPipeline.Order, _ onProgress: (@Sendable (Int64) -> Void)?
  ) -> (LayerHash, LayerPipeline.Order) {
    var order = order
    let names = order.cache.map { order.recipe.checkpointFingerprints(order.encoding, while: $0.admits) } ?? []
    for (index, name) in names.enumerated().reversed() {
      guard let checkpoint = order.cache?.checkpoint(for: name), checkpoint.sources == index + 1,
        let tar = SHA256Stream(stored: checkpoint.tar)
      else { continue }
      let blob = SHA256Stream(stored: checkpoint.blob)
      guard (blob == nil) == (order.encoding == .none) else { continue }
      order.skippedSources = checkpoint.sources
      return (LayerHash(order, onProgress, tar, blob, checkpoint.checksum, names), order)
    }
    let blob = order.encoding == .none ? nil : SHA256Stream()
    let prefix = order.encoding.prefix
    blob?.update(prefix.span)
    return (LayerHash(order, onProgress, SHA256Stream(), blob, GzipChecksum(), names), order)
  }

  private init(
    _ order: LayerPipeline.Order, _ onProgress: (@Sendable (Int64) -> Void)?, _ tar: SHA256Stream,
    _ blob: SHA256Stream?, _ checksum: GzipChecksum, _ checkpointNames: [String]
  ) {
    self.order = order
    self.onProgress = onProgress
    self.tar = tar
    self.blob = blob
    self.checksum = checksum
    self.checkpointNames = checkpointNames
    client = HashLanes.shared.client(streams: blob == nil ? 1 : 2)
  }

  // MARK: Batches

  func take(_ batch: LayerPipeline.Filled, _ release: @escaping @Sendable () -> Void) {
    checksum.append(batch.checksum)
    let pending = Pending(checkpoint: checkpoint(after: batch.batch), release)
    // Until all are submitted.
    pending.begin()
    let submit = {
      [client, open] (stream: SHA256Stream, bytes: Span<UInt8>, whenDone: @escaping @Sendable () -> Void) in
      open.enter()
      pending.begin()
      client.submit(stream, bytes) {
        whenDone()
        pending.end()
        open.leave()
      }
    }
    order.listing?.continueDigests(batch.slot, submit)
    batch.slot.withTar { bytes in
      submit(tar, bytes) { [tar, onProgress] in
        pending.note(tar: tar)
        onProgress?(tar.count)
      }
    }
    if let blob {
      let note = { @Sendable in pending.note(blob: blob) }
      if let cached = batch.cached {
        // Held until it is hashed.
        submit(blob, cached.span) { withExtendedLifetime(cached, note) }
      } else {
        batch.slot.withEncoded { submit(blob, $0, note) }
      }
    }
    pending.end()
  }

  var delays: Bool { true }

  func help(goesOn: Bool) -> Bool { client.help(goesOn: goesOn) }

  func hurry() -> Bool { client.hurry(goesOn: false) }

  /// Returns when everything that was submitted is hashed.
  private func wait() {
    repeat { client.hurry() } while open.wait(timeout: .now() + .microseconds(LayerPipeline.patience)) == .timedOut
  }

  private func end() {
    wait()
    client.leave()
  }

  private func finish() -> LayerDigests {
    let diffID = tar.digest
    guard let blob else {
      return LayerDigests(diffID: diffID, digest: diffID, size: tar.count, uncompressedSize: tar.count)
    }
    let suffix = order.encoding.suffix(checksum)
    blob.update(suffix.span)
    return LayerDigests(diffID: diffID, digest: blob.digest, size: blob.count, uncompressedSize: tar.count)
  }

  // MARK: Checkpoints

  /// What to store once the hashes have come to the end of a batch; `nil` where no leading sources end there.
  private func checkpoint(after batch: LayerBatch) -> (@Sendable ([UInt8], [UInt8]) -> Void)? {
    guard let cache = order.cache, let count = batch.completedSources, checkpointNames.indices.contains(count - 1)
    else {
      return nil
    }
    return { [name = checkpointNames[count - 1], checksum] tar, blob in
      cache.store(LayerCheckpoint(sources: count, tar: tar, blob: blob, checksum: checksum), for: name)
    }
  }

  /// A batch of which parts are being hashed, in any order.
  private final class Pending: Sendable {
    private struct State {
      var openParts = 0
      var tar: [UInt8] = []
      var blob: [UInt8] = []
    }
    private let state = Mutex(State())
    private let checkpoint: (@Sendable ([UInt8], [UInt8]) -> Void)?
    private let release: @Sendable () -> Void

    init(checkpoint: (@Sendable ([UInt8], [UInt8]) -> Void)?, _ release: @escaping @Sendable () -> Void) {
      self.checkpoint = checkpoint
      self.release = release
    }

    func note(tar: SHA256Stream) {
      if checkpoint != nil { state.withLock { $0.tar = tar.stored } }
    }

    func note(blob: SHA256Stream) {
      if checkpoint != nil { state.withLock { $0.blob = blob.stored } }
    }

    func begin() { state.withLock { $0.openParts += 1 } }

    /// Ends a part; with the last, stores the checkpoint and gives the memory back.
    func end() {
      let (isLast, tar, blob) = state.withLock { state in
        state.openParts -= 1
        return (state.openParts == 0, state.tar, state.blob)
      }
      guard isLast else { return }
      checkpoint?(tar, blob)
      release()
    }
  }
}

/// Cancels a pipeline that may not have begun yet.
private final class Canceller: Sendable {
  private struct State {
    var isCancelled = false
    var pipeline: LayerPipeline?
  }
  private let state = Mutex(State())

  func watch(_ pipeline: LayerPipeline) {
    let isCancelled = state.withLock { state in
      state.pipeline = pipeline
      return state.isCancelled
    }
    if isCancelled { pipeline.cancel() }
  }

  func cancel() {
    let pipeline = state.withLock { state in
      state.isCancelled = true
      return state.pipeline
    }
    pipeline?.cancel()
  }
}
