/// One version of an image: when it was made, and of what.
public struct ImageVersion: Sendable, Hashable {
  /// Seconds since 1970.
  public var time: Int64
  /// Its store paths.
  public var graph: StoreGraph

  /// Creates a version.
  public init(time: Int64, graph: StoreGraph) {
    self.time = time
    self.graph = graph
  }
}
