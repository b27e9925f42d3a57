/// Which store paths share a layer, from the bottom layer up, and why.
public struct LayerPlan: Sendable, Hashable {
  /// One layer.
  public struct Layer: Sendable, Hashable {
    /// The store paths that it gives the image, sorted by their bytes.
    public var paths: [String]
    /// Store paths that it also holds and the image no longer has, sorted. They are hidden by whiteouts in a layer
    /// above, and cost those who do not have the layer yet their bytes.
    public var dead: [String]
    /// The sum of the sizes of all it holds, in bytes.
    public var bytes: Int64
    /// Why they are together, in a few words for people.
    public var reason: String

    /// Creates a layer.
    public init(paths: [String], dead: [String] = [], bytes: Int64, reason: String) {
      self.paths = paths
      self.dead = dead
      self.bytes = bytes
      self.reason = reason
    }

    /// Creates a layer of nodes.
    public init(_ nodes: some Sequence<StoreGraph.Node>, reason: String) {
      self.init(
        paths: nodes.map(\.path).sorted(by: byteOrder), bytes: nodes.reduce(0) { $0 + $1.size }, reason: reason)
    }

    /// All store paths that it holds, sorted: what makes it the layer that it is.
    public var members: [String] { dead.isEmpty ? paths : (paths + dead).sorted(by: byteOrder) }
  }

  /// The layers, from the bottom up. None gives nothing, and every path of the graph is given by exactly one.
  public var layers: [Layer]

  /// Creates a plan.
  public init(layers: [Layer]) { self.layers = layers }

  /// What has to be hidden above these layers: store paths that one of them holds and the image no longer has, sorted.
  public var whiteouts: [String] { Array(Set(layers.flatMap(\.dead))).sorted(by: byteOrder) }
}
