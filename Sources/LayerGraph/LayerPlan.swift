/// Which store paths share a layer, from the bottom layer up, and why.
public struct LayerPlan: Sendable, Hashable {
  /// One layer.
  public struct Layer: Sendable, Hashable {
    /// Its store paths, sorted by their bytes.
    public var paths: [String]
    /// The sum of their sizes, in bytes.
    public var bytes: Int64
    /// Why they are together, in a few words for people.
    public var reason: String

    /// Creates a layer of nodes.
    public init(_ nodes: some Sequence<StoreGraph.Node>, reason: String) {
      paths = nodes.map(\.path).sorted(by: byteOrder)
      bytes = nodes.reduce(0) { $0 + $1.size }
      self.reason = reason
    }
  }

  /// The layers, from the bottom up. None is empty, and every path of the graph is in exactly one.
  public var layers: [Layer]

  /// Creates a plan.
  public init(layers: [Layer]) { self.layers = layers }
}
