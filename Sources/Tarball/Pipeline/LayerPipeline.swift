internal import Dispatch
internal import OCICore
internal import Synchronization
internal import SystemPackage

/// Produces a layer's bytes on every core with bounded memory: one thread walks and cuts the tar into batches, fillers
/// read and compress them in any order, the caller takes them in order.
///
/// What is in flight is bounded by the number of slots, whatever the layer's size. The bytes depend on the recipe and the
/// encoding alone, not on the number of threads.
final class LayerPipeline: Sendable {
  /// What is to be produced.
  struct Order: Sendable {
    var recipe: LayerRecipe
    var encoding: LayerEncoding
    var parallelism: LayerParallelism
    /// Whether the tar is needed, or the encoded bytes alone.
    var needsTar = true
    /// So many leading sources are left out.
    var skippedSources = 0
    /// Who may have blocks already, and is given those that are made.
    var cache: (any LayerCache)?
    /// Gives what this machine lacks.
    var substitute: (any TreeSubstitute)?
    /// Takes each member, when somebody asks what the layer holds.
    var listing: LayerListingBuilder?
  }

  /// One batch's bytes, in a slot that goes back to the fillers afterwards.
  struct Filled: Sendable {
    var batch: LayerBatch
    var slot: Slot
    /// The encoded bytes, where they came from the cache.
    var cached: [UInt8]?
    var checksum: GzipChecksum
  }

  private struct Job: Sendable {
    var batch: LayerBatch
    var result = Promise<Result<Filled, any Error>>()
  }

  private let order: Order
  private let cut: LayerBatchWriter.Cut
  private let work: BlockingQueue<Job>
  private let inOrder: BlockingQueue<Job>
  /// Slots that are free; `nil` for one that was not needed yet.
  private let free: BlockingQueue<Slot?>
  private let walkFailure = Mutex<(any Error)?>(nil)
  private let isCancelled = Atomic(false)
  /// Ends the walk's waiting for what comes from elsewhere.
  private let reading = ReadingCancellation()
  private let running = DispatchGroup()
  private let parallelism: LayerParallelism

  init(_ order: Order) {
    self.order = order
    cut = order.encoding.cut
    parallelism = order.parallelism.scaled(toBatchesOf: cut.size)
    work = BlockingQueue(capacity: parallelism.slots)
    inOrder = BlockingQueue(capacity: parallelism.slots)
    free = BlockingQueue(capacity: parallelism.slots, filledWith: nil)
  }

  /// Makes `run` throw `CancellationError` soon: every batch fails from now on, and the walk ends at its next member.
  func cancel() {
    isCancelled.store(true, ordering: .relaxed)
    reading.cancel()
  }

  /// Drops what is still queued.
  private func close() {
    for queue in [work, inOrder] { queue.close(discarding: true) }
    free.close(discarding: true)
    reading.cancel()
  }

  /// Produces the batches in order; blocks until the layer is done.
  /// - Parameter consume: Takes a batch, and a function to call, now or later, when its slot is not needed any more.
  /// - Throws: `TarballError`, `CancellationError`, or what `consume` throws.
  func run(_ consume: (Filled, @escaping @Sendable () -> Void) throws -> Void) throws {
    // On failure every thread has ended before the caller goes on.
    defer {
      close()
      running.wait()
    }
    try start(walk)
    for _ in 0..<parallelism.fillers { try start(fill) }
    while let job = inOrder.take() {
      guard let result = job.result.take() else { continue }
      let filled = try result.get()
      let slot = filled.slot
      try consume(filled) { [free] in try? free.put(slot) }
    }
    if isCancelled.load(ordering: .relaxed) { throw CancellationError() }
    if let failure = walkFailure.withLock({ $0 }) { throw failure }
  }

  private func start(_ body: @escaping @Sendable () -> Void) throws {
    running.enter()
    do {
      try WorkerThread.start { [running] in
        body()
        running.leave()
      }
    } catch {
      running.leave()
      throw error
    }
  }

  // MARK: Walking

  private func walk() {
    do { try walkRecipe() } catch { walkFailure.withLock { $0 = error } }
    work.close()
    inOrder.close()
  }

  private func emit(_ batch: LayerBatch) throws {
    let job = Job(batch: batch)
    try inOrder.put(job)
    try work.put(job)
  }

  private func walkRecipe() throws {
    let recipe = order.recipe
    if let tar = try recipe.verbatimTar { return try walk(verbatim: tar) }
    let list = order.listing.map { listing in { @Sendable entry in listing.append(LayerListing.Entry(entry)) } }
    let links = try EqualFileLinker.links(in: recipe, substitute: order.substitute, cancellation: reading) { [self] in
      isCancelled.load(ordering: .relaxed)
    }
    let writer = LayerBatchWriter(cut, labelsParts: links == nil, list: list, emit: emit)
    var walker = try LayerWalker(
      recipe, sink: LinkingSink(sink: writer, links: links ?? [:]), skippedSegments: order.skippedSources,
      substitute: order.substitute, cancellation: reading
    ) { [self] in isCancelled.load(ordering: .relaxed) }
    try walker.walk()
    var sink = walker.sink.sink
    try sink.finish()
  }

  /// Cuts the bytes of a tar as they are.
  private func walk(verbatim tar: FilePath) throws {
    var writer = LayerBatchWriter(cut, labelsParts: false, emit: emit)
    try VerbatimTar(tar).forEachChunk { [self] in
      isCancelled.load(ordering: .relaxed)
    } _: {
      try writer.append(verbatim: $0)
    }
    try writer.finishVerbatim()
  }

  // MARK: Filling

  private func fill() {
    do {
      let encoder = try order.encoding.makeEncoder()
      // The slot first: whoever has work can go on, so the oldest batch never waits for younger ones.
      while let free = free.take() {
        let slot = free ?? Slot(tarCapacity: cut.size, encodedCapacity: encoder?.bound(cut.size) ?? 0)
        guard let job = work.take() else { break }
        job.result.fulfil(Result { try filled(job.batch, slot, encoder) })
      }
    } catch {
      // No encoder, no layer: every batch reports it.
      while let job = work.take() { job.result.fulfil(.failure(error)) }
    }
  }

  private func filled(_ batch: LayerBatch, _ slot: Slot, _ encoder: (any BlockEncoder)?) throws -> Filled {
    if isCancelled.load(ordering: .relaxed) { throw CancellationError() }
    let cached = encoder == nil ? nil : cachedBlock(for: batch)
    if let cached, !order.needsTar {
      slot.clear()
      return Filled(batch: batch, slot: slot, cached: cached.bytes, checksum: cached.checksum)
    }
    try slot.fill(with: batch)
    order.listing?.digest(batch, slot)
    guard let encoder else { return Filled(batch: batch, slot: slot, checksum: GzipChecksum()) }
    let checksum = slot.withTar { GzipChecksum(of: $0) }
    // A block that does not belong to these bytes counts as absent.
    if let cached, cached.checksum == checksum {
      return Filled(batch: batch, slot: slot, cached: cached.bytes, checksum: checksum)
    }
    try slot.encode(with: encoder)
    if let key = blockKey(of: batch) {
      order.cache?.store(EncodedBlock(bytes: slot.withEncoded { Array(copying: $0) }, checksum: checksum), for: key)
    }
    return Filled(batch: batch, slot: slot, checksum: checksum)
  }

  private func cachedBlock(for batch: LayerBatch) -> EncodedBlock? {
    guard let key = blockKey(of: batch), let block = order.cache?.block(for: key) else { return nil }
    return block.checksum.length == Int64(batch.count) ? block : nil
  }

  private func blockKey(of batch: LayerBatch) -> EncodedBlock.Key? {
    guard let part = batch.part, order.cache?.admits(part.source) == true else { return nil }
    return EncodedBlock.Key(
      segment: LayerRecipe([part.source], metadata: order.recipe.metadata).fingerprint,
      encoding: order.encoding.identifier, number: part.number)
  }
}
