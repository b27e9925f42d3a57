internal import Dispatch
internal import OCICore
internal import Synchronization

/// Produces a layer's bytes on every core with bounded memory: one thread walks and cuts the tar into batches, fillers
/// read and compress them in any order, the caller takes them in order.
///
/// What is in flight is bounded by the number of slots, whatever the layer's size. The bytes depend on the recipe and the
/// encoding alone, not on the number of threads.
final class LayerPipeline: Sendable {
  /// One batch's bytes.
  struct Filled: Sendable {
    var tar: [UInt8]
    /// The compressed block and the checksum of its tar, when there is compression.
    var block: (bytes: [UInt8], checksum: GzipChecksum)?
  }

  private struct Job: Sendable {
    var batch: LayerBatch
    var result = Promise<Result<Filled, any Error>>()
  }

  private let recipe: LayerRecipe
  private let encoding: LayerEncoding
  private let work: BlockingQueue<Job>
  private let order: BlockingQueue<Job>
  private let buffers = Mutex<[[UInt8]]>([])
  private let walkFailure = Mutex<(any Error)?>(nil)
  private let running = DispatchGroup()

  private init(_ recipe: LayerRecipe, _ encoding: LayerEncoding, _ parallelism: LayerParallelism) {
    self.recipe = recipe
    self.encoding = encoding
    work = BlockingQueue(capacity: parallelism.slots)
    order = BlockingQueue(capacity: parallelism.slots)
  }

  /// Produces the batches in order; blocks until the layer is done.
  /// - Parameter consume: Gets each batch; the buffer it returns, if any, is used again.
  /// - Throws: `TarballError`, or what `consume` throws.
  static func run(
    _ recipe: LayerRecipe, _ encoding: LayerEncoding, _ parallelism: LayerParallelism,
    consume: (consuming Filled) throws -> [UInt8]?
  ) throws {
    let pipeline = LayerPipeline(recipe, encoding, parallelism)
    // On failure what is still queued is dropped, and every thread has ended before the caller goes on.
    defer {
      pipeline.work.close(discarding: true)
      pipeline.order.close(discarding: true)
      pipeline.running.wait()
    }
    try pipeline.start(pipeline.walk)
    for _ in 0..<parallelism.fillers { try pipeline.start(pipeline.fill) }
    while let job = pipeline.order.take() {
      guard let result = job.result.take() else { continue }
      if let buffer = try consume(try result.get()) {
        pipeline.buffers.withLock { $0.append(buffer) }
      }
    }
    if let failure = pipeline.walkFailure.withLock({ $0 }) { throw failure }
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

  private func walk() {
    do {
      try LayerWalker.walk(recipe) { [order, work] batch in
        let job = Job(batch: batch)
        try order.put(job)
        try work.put(job)
      }
    } catch {
      walkFailure.withLock { $0 = error }
    }
    work.close()
    order.close()
  }

  private func fill() {
    do {
      switch encoding {
      case .none:
        while let job = work.take() { job.result.fulfil(Result { Filled(tar: try tar(of: job.batch)) }) }
      case .gzip(let level):
        let deflater = try BlockDeflater(level: level)
        while let job = work.take() {
          job.result.fulfil(
            Result {
              let tar = try tar(of: job.batch)
              return Filled(tar: tar, block: try deflater.compress(tar))
            })
        }
      }
    } catch {
      // No deflater, no layer: every batch reports it.
      while let job = work.take() { job.result.fulfil(.failure(error)) }
    }
  }

  private func tar(of batch: LayerBatch) throws(TarballError) -> [UInt8] {
    var buffer = buffers.withLock { $0.popLast() } ?? []
    buffer.removeAll(keepingCapacity: true)
    buffer.reserveCapacity(LayerBatch.size)
    try batch.fill(&buffer)
    return buffer
  }
}

/// How many threads and buffers a layer may use. It changes the speed, never the bytes.
public struct LayerParallelism: Sendable, Hashable {
  /// How many threads read and compress.
  public var fillers: Int
  /// How many batches of 1 MiB are in flight.
  public var slots: Int

  /// Creates a bound; at least two slots, and from one filler to as many as there are slots.
  public init(fillers: Int, slots: Int) {
    self.slots = max(2, slots)
    self.fillers = min(max(1, fillers), self.slots)
  }

  /// One filler for each processor, in memory of at most 2.5 MiB for each of 16 slots, whatever the machine.
  public static var automatic: LayerParallelism { sharing(1) }

  /// What each of several layers that are made at once may use, of what `automatic` gives one alone.
  public static func sharing(_ layers: Int) -> LayerParallelism {
    let layers = max(1, layers)
    return LayerParallelism(fillers: WorkerThread.processorCount / layers, slots: 16 / layers)
  }
}
