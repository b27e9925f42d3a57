internal import Synchronization

/// A cache in memory, for one process: the blocks that came first go when there are too many bytes of them.
public final class MemoryLayerCache: LayerCache {
  private struct State {
    var digests: [String: LayerDigests] = [:]
    var checkpoints: [String: LayerCheckpoint] = [:]
    var blocks: [EncodedBlock.Key: EncodedBlock] = [:]
    var order: [EncodedBlock.Key] = []
    var byteCount = 0
  }
  private let state = Mutex(State())
  private let limit: Int
  private let isAdmitted: @Sendable (LayerRecipe.Source) -> Bool

  /// Creates an empty cache.
  /// - Parameters:
  ///   - limit: The most bytes of encoded blocks to keep.
  ///   - admits: Which sources cannot change under their name, for as long as the cache lives.
  public init(limit: Int = 256 << 20, admits: @escaping @Sendable (LayerRecipe.Source) -> Bool) {
    self.limit = limit
    isAdmitted = admits
  }

  /// Whether a source cannot change under its name.
  public func admits(_ source: LayerRecipe.Source) -> Bool { isAdmitted(source) }

  /// The digests of a whole layer.
  public func digests(for fingerprint: String) -> LayerDigests? { state.withLock { $0.digests[fingerprint] } }

  /// Remembers digests.
  public func store(_ digests: LayerDigests, for fingerprint: String) {
    state.withLock { $0.digests[fingerprint] = digests }
  }

  /// The state after a layer's first sources.
  public func checkpoint(for fingerprint: String) -> LayerCheckpoint? {
    state.withLock { $0.checkpoints[fingerprint] }
  }

  /// Remembers a state.
  public func store(_ checkpoint: LayerCheckpoint, for fingerprint: String) {
    state.withLock { $0.checkpoints[fingerprint] = checkpoint }
  }

  /// An encoded part of a source.
  public func block(for key: EncodedBlock.Key) -> EncodedBlock? { state.withLock { $0.blocks[key] } }

  /// Remembers a part.
  public func store(_ block: EncodedBlock, for key: EncodedBlock.Key) {
    state.withLock { state in
      if let old = state.blocks.updateValue(block, forKey: key) {
        state.byteCount -= old.bytes.count
      } else {
        state.order.append(key)
      }
      state.byteCount += block.bytes.count
      var dropped = 0
      while state.byteCount > limit, dropped < state.order.count {
        if let old = state.blocks.removeValue(forKey: state.order[dropped]) { state.byteCount -= old.bytes.count }
        dropped += 1
      }
      state.order.removeFirst(dropped)
    }
  }
}
