internal import OCICore

/// How many threads and buffers a layer may use. It changes the speed, never the bytes.
public struct LayerParallelism: Sendable, Hashable {
  /// How many threads read and compress.
  public var fillers: Int
  /// How many batches are in flight: of 1 MiB, or a fourth as many of 4 MiB with zstd.
  public var slots: Int

  /// Creates a bound; at least two slots, and from one filler to as many as there are slots.
  public init(fillers: Int, slots: Int) {
    self.slots = Swift.max(2, slots)
    self.fillers = min(Swift.max(1, fillers), self.slots)
  }

  /// One filler for each processor, and twice as many batches as processors, but from 8 to 16.
  public static var automatic: LayerParallelism { sharing(1) }

  /// What each of several layers that are made at once may use: together as many fillers as `automatic` gives one alone, and
  /// at most 16 batches, of 2.5 MiB with what they become.
  public static func sharing(_ layers: Int) -> LayerParallelism {
    let layers = Swift.max(1, layers)
    let processors = WorkerThread.processorCount
    return LayerParallelism(
      fillers: processors / layers, slots: min(16 / layers, Swift.max(8, 2 * processors)))
  }

  /// The same bound where batches have `batchSize` bytes.
  func scaled(toBatchesOf batchSize: Int) -> LayerParallelism {
    batchSize <= 1 << 20 ? self : LayerParallelism(fillers: fillers, slots: Swift.max(fillers + 1, slots * (1 << 20) / batchSize))
  }
}
