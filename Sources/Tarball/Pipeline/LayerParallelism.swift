internal import OCICore

/// How many threads and buffers a layer may use. It changes the speed, never the bytes.
public struct LayerParallelism: Sendable, Hashable {
  /// How many threads read and compress.
  public var fillers: Int
  /// How many batches are in flight: of 1 MiB, or three eighths as many of 4 MiB with zstd.
  public var slots: Int

  /// Creates a bound; at least two slots, and from one filler to as many as there are slots.
  public init(fillers: Int, slots: Int) {
    self.slots = Swift.max(2, slots)
    self.fillers = min(Swift.max(1, fillers), self.slots)
  }

  /// One filler for each processor, and twice as many batches as processors, but from 8 to 16.
  public static var automatic: LayerParallelism { sharing(1) }

  /// What each of several layers that are made at once may use: together at most 12 batches, of 2.5 MiB with what they become.
  /// Each has as many fillers as one alone, because the last to finish would otherwise leave cores idle.
  public static func sharing(_ layers: Int) -> LayerParallelism {
    let processors = WorkerThread.processorCount
    return LayerParallelism(
      fillers: processors, slots: min(layers > 1 ? 12 / layers : 16, Swift.max(8, 2 * processors)))
  }

  /// About the same memory where batches are larger: two of 4 MiB in the place of four of 1 MiB, so that one can be
  /// compressed while another is hashed.
  func scaled(toBatchesOf batchSize: Int) -> LayerParallelism {
    batchSize < 1 << 20
      ? LayerParallelism(fillers: fillers, slots: slots * ((1 << 20) / batchSize))
      : batchSize == 1 << 20 ? self : LayerParallelism(fillers: fillers, slots: slots / 2)
  }
}
