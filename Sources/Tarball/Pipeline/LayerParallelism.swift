internal import OCICore

/// How many threads and buffers a layer may use. It changes the speed, never the bytes.
public struct LayerParallelism: Sendable, Hashable {
  /// How many threads read and compress; one of them walks, too.
  public var fillers: Int
  /// How many batches are in flight: of 1 MiB, or half as many of 4 MiB with zstd. Uncompressed layers have as much in smaller
  /// ones; or, where several are made at the same time, as many of 512 KiB.
  public var slots: Int
  /// Whether other layers are made at the same time.
  private(set) var isShared = false

  /// Creates a bound; at least two slots, and from one filler to as many as there are slots.
  public init(fillers: Int, slots: Int) {
    self.slots = Swift.max(2, slots)
    self.fillers = min(Swift.max(1, fillers), self.slots)
  }

  /// One filler for each processor, and twice as many batches as processors, but from 8 to 16.
  public static var automatic: LayerParallelism { sharing(1) }

  /// What each of several layers that are made at once may use: together at most 16 batches, of 2.5 MiB with what they become.
  /// Each has as many fillers as one alone, because the last to finish would otherwise leave cores idle.
  public static func sharing(_ layers: Int) -> LayerParallelism {
    let processors = WorkerThread.processorCount
    var result = LayerParallelism(
      fillers: processors, slots: min(16 / Swift.max(1, layers), Swift.max(8, 2 * processors)))
    result.isShared = layers > 1
    return result
  }

  /// How a layer is cut. What is not encoded may be cut anyhow: small pieces stay in the cache of the
  /// core that has made them; of layers that are made at once they are larger, because two have to meet.
  func cut(_ encoding: LayerEncoding) -> LayerBatchWriter.Cut {
    var cut = encoding.cut
    if encoding == .none { cut.size = isShared ? 2 * cut.minimumSegment : cut.minimumSegment }
    return cut
  }

  /// How many batches are in flight; of large ones at least as many that one can be compressed while others are cut and hashed.
  func slots(ofBatches size: Int) -> Int {
    if size > 1 << 20 { return Swift.max(2, slots / 2) }
    return isShared ? slots : slots * ((1 << 20) / size)
  }
}
