internal import Dispatch
internal import OCICore
internal import Synchronization
internal import SystemPackage

/// Produces a layer's bytes on every core with bounded memory: one thread walks, opens files and cuts the tar into batches;
/// fillers read and compress them in any order; each batch is taken in its turn by the thread that has it.
///
/// There are as many threads as cores, and none that does only one thing: the walk reads and compresses, too, when the others
/// have enough to go on with, and who has made the next batch takes it to the consumer. So what others wait for is not kept
/// from its core by somebody who is ahead.
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

  /// One batch's bytes, in a slot that goes back to the walk afterwards.
  struct Filled: Sendable {
    var batch: LayerBatch
    var slot: Slot { batch.slot }
    /// The encoded bytes, where they came from the cache.
    var cached: [UInt8]?
    var checksum: GzipChecksum
  }

  /// Who takes the batches.
  protocol Consumer: Sendable {
    /// Takes a batch; called in order, one at a time, on any thread.
    /// - Parameter release: To be called, now or later, when the batch's slot is not needed any more.
    func take(_ batch: Filled, _ release: @escaping @Sendable () -> Void) throws

    /// Whether it works on what it took only when it is called again, so that it may hold slots until then.
    var delays: Bool { get }

    /// Works on what was taken, beside others who do the same; called after batches were taken, on any thread.
    /// - Parameter goesOn: Whether it goes on as long as there is something to do, or the caller has other things to do.
    /// - Returns: Whether it left something for others.
    func help(goesOn: Bool) -> Bool

    /// Works on something of what was taken, without delay: no slot is left. Called again and again until there is one.
    /// - Returns: Whether there was something to do.
    func hurry() -> Bool
  }

  private struct Job: Sendable {
    var batch: LayerBatch
    /// Its place in the layer.
    var number: Int
  }

  /// How many layers are being digested in this process. (Those that are sent wait for the network most of the time.)
  private static let digestedCount = Atomic(0)
  /// With more layers than cores, the others' walks keep the other cores busy, and each fills its own batches.
  private static var isCrowded: Bool { digestedCount.load(ordering: .relaxed) > WorkerThread.processorCount }
  /// So many microseconds the walk waits for a slot before it is in a hurry, and at most between two times.
  static let patience = 500
  private static let longestPatience = 2_000

  private let order: Order
  private let cut: LayerBatchWriter.Cut
  /// Batches to fill.
  private let jobs: BlockingQueue<Job>
  /// Slots that are free; `nil` for one that was not needed yet.
  private let free: BlockingQueue<Slot?>
  private let delivery = OrderedDelivery<Result<Filled, any Error>>()
  /// Of the first batch that could not be made or was not taken.
  private let failure = Mutex<(any Error)?>(nil)
  private let walkFailure = Mutex<(any Error)?>(nil)
  private let isCancelled = Atomic(false)
  /// Ends the walk's waiting for what comes from elsewhere.
  private let reading = ReadingCancellation()
  private let running = DispatchGroup()

  init(_ order: Order) {
    self.order = order
    cut = order.parallelism.cut(order.encoding)
    let slots = order.parallelism.slots(ofBatches: cut.size)
    jobs = BlockingQueue(capacity: slots)
    free = BlockingQueue(capacity: slots, filledWith: nil)
  }

  /// Makes `run` throw `CancellationError` soon: every batch fails from now on, and the walk ends at its next member.
  func cancel() {
    isCancelled.store(true, ordering: .relaxed)
    reading.cancel()
  }

  /// Produces the batches; blocks until the layer is done.
  /// - Throws: `TarballError`, `CancellationError`, or what the consumer throws.
  func run(_ consumer: any Consumer) throws {
    let share = consumer.delays ? 1 : 0
    Self.digestedCount.add(share, ordering: .relaxed)
    defer { Self.digestedCount.subtract(share, ordering: .relaxed) }
    do {
      try start { self.work(consumer) { self.walk($0) } }
      for _ in 1..<order.parallelism.fillers { try start { self.work(consumer) } }
    } catch {
      fail(error)
    }
    // Also on failure every thread has ended before the caller goes on.
    running.wait()
    if let failure = failure.withLock({ $0 }) { throw failure }
    if isCancelled.load(ordering: .relaxed) { throw CancellationError() }
    if let failure = walkFailure.withLock({ $0 }) { throw failure }
  }

  /// Ends the layer, and drops what is still queued.
  private func fail(_ error: any Error) {
    failure.withLock { failure in if failure == nil { failure = error } }
    jobs.close(discarding: true)
    free.close(discarding: true)
    reading.cancel()
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

  /// What a thread needs to fill batches.
  private struct Filler {
    let encoder: (any BlockEncoder)?
    let consumer: any Consumer
  }

  /// A thread's work: something of its own, then the batches that there are.
  private func work(_ consumer: any Consumer, first: (Filler) -> Void = { _ in }) {
    do {
      let filler = Filler(encoder: try order.encoding.makeEncoder(), consumer: consumer)
      first(filler)
      deliver(filler)
      while let job = jobs.take() {
        fill(job, filler)
        deliver(filler)
      }
    } catch {
      // No encoder, no layer.
      fail(error)
    }
  }

  // MARK: Walking

  private func walk(_ filler: Filler) {
    do { try walkRecipe(filler) } catch { walkFailure.withLock { $0 = error } }
    jobs.close()
  }

  private func walkRecipe(_ filler: Filler) throws {
    let recipe = order.recipe
    if let tar = try recipe.verbatimTar { return try walk(verbatim: tar, filler) }
    let list = order.listing.map { listing in { @Sendable entry in listing.append(LayerListing.Entry(entry)) } }
    let links = try EqualFileLinker.links(in: recipe, substitute: order.substitute, cancellation: reading) { [self] in
      isCancelled.load(ordering: .relaxed)
    }
    let writer = writer(labelsParts: links == nil, list: list, filler)
    var walker = try LayerWalker(
      recipe, sink: LinkingSink(sink: writer, links: links ?? [:]), skippedSegments: order.skippedSources,
      opensFiles: opensFiles, substitute: order.substitute, cancellation: reading
    ) { [self] in isCancelled.load(ordering: .relaxed) }
    try walker.walk()
    var sink = walker.sink.sink
    try sink.finish()
  }

  /// Cuts the bytes of a tar as they are.
  private func walk(verbatim tar: FilePath, _ filler: Filler) throws {
    var writer = writer(labelsParts: false, filler)
    try VerbatimTar(tar).forEachChunk { [self] in
      isCancelled.load(ordering: .relaxed)
    } _: {
      try writer.append(verbatim: $0)
    }
    try writer.finishVerbatim()
  }

  /// Whether the walk opens the files that it comes by, so that each is looked up once. Not where a cache may have the block,
  /// so that nobody needs the content.
  private var opensFiles: Bool { order.needsTar || order.cache == nil }

  private func writer(
    labelsParts: Bool, list: ((TarEntry) -> Void)? = nil, _ filler: Filler
  ) -> LayerBatchWriter {
    var count = 0
    return LayerBatchWriter(
      cut, labelsParts: labelsParts, list: list,
      makeSlot: { [self] in try freeSlot(filler) },
      emit: { [self] batch in
        let job = Job(batch: batch, number: count)
        count += 1
        if Self.isCrowded {
          fill(job, filler)
          // Another layer's walk, that has its turn on this core then, hashes this batch beside its own while it is near.
          if deliver(filler) { WorkerThread.yield() }
          return
        }
        try jobs.put(job)
        // The others have enough to go on with.
        while jobs.count > 2 * order.parallelism.fillers, let job = jobs.takeIfReady() {
          fill(job, filler)
          // So that whoever hashes finds the next one ready. Not to a consumer that takes long: the walk has to go on.
          if filler.consumer.delays { deliver(filler, goesOn: false) }
        }
      })
  }

  /// An empty slot, as soon as there is one; does what there is to do until then.
  private func freeSlot(_ filler: Filler) throws -> Slot {
    var next = free.takeIfReady()
    while next == nil, let job = jobs.takeIfReady() {
      fill(job, filler)
      deliver(filler)
      next = free.takeIfReady()
    }
    if next == nil { deliver(filler, goesOn: false) }
    guard let next = next ?? slotInTime(filler.consumer) else { throw CancellationError() }
    let slot = next ?? Slot(tarCapacity: cut.size)
    slot.clear()
    slot.readsAtOnce = Self.isCrowded
    return slot
  }

  /// Waits for a slot; `nil` where the layer has ended.
  private func slotInTime(_ consumer: any Consumer) -> Slot?? {
    guard consumer.delays else { return free.take() }
    var next = free.takeIfReady()
    // Whoever has the bytes in hand may just lack a core: that is cheaper than to sleep and to be woken.
    if next == nil { WorkerThread.yield() }
    var patience = Self.patience
    while next == nil, !free.isClosed {
      next = free.take(withinMicroseconds: patience)
      while next == nil, consumer.hurry() { next = free.takeIfReady() }
      patience = min(2 * patience, Self.longestPatience)
    }
    return next
  }

  // MARK: Filling

  private func fill(_ job: Job, _ filler: Filler) {
    delivery.add(Result { try filled(job.batch, filler.encoder) }, number: job.number)
  }

  @discardableResult
  private func deliver(_ filler: Filler, goesOn: Bool = true) -> Bool {
    delivery.deliver { [free] result in
      // What comes after a failure is not wanted any more.
      guard failure.withLock({ $0 == nil }) else { return }
      do {
        let filled = try result.get()
        try filler.consumer.take(filled) { try? free.put(filled.slot) }
      } catch {
        fail(error)
      }
    }
    return filler.consumer.help(goesOn: goesOn)
  }

  private func filled(_ batch: LayerBatch, _ encoder: (any BlockEncoder)?) throws -> Filled {
    if isCancelled.load(ordering: .relaxed) { throw CancellationError() }
    let slot = batch.slot
    let cached = encoder == nil ? nil : cachedBlock(for: batch)
    if let cached, !order.needsTar {
      return Filled(batch: batch, cached: cached.bytes, checksum: cached.checksum)
    }
    try slot.complete()
    order.listing?.digest(slot)
    guard let encoder else { return Filled(batch: batch, checksum: GzipChecksum()) }
    let checksum = slot.withTar { GzipChecksum(of: $0) }
    // A block that does not belong to these bytes counts as absent.
    if let cached, cached.checksum == checksum {
      return Filled(batch: batch, cached: cached.bytes, checksum: checksum)
    }
    try slot.encode(with: encoder)
    if let key = blockKey(of: batch) {
      order.cache?.store(EncodedBlock(bytes: slot.withEncoded { Array(copying: $0) }, checksum: checksum), for: key)
    }
    return Filled(batch: batch, checksum: checksum)
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
