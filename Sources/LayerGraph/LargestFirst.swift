/// The largest paths alone, the rest together in the top layer.
///
/// A large path that does not change is then never sent again because something small beside it did.
public struct LargestFirst: PlanningStrategy {
  /// Creates the strategy; it has no settings.
  public init() {}

  /// Divides the paths: by size, then by name, so that no order of the input matters.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let nodes = request.graph.nodes.sorted {
      $0.size != $1.size ? $0.size > $1.size : byteOrder($0.path, $1.path)
    }
    let alone = nodes.count <= request.maximumLayers ? nodes.count : request.maximumLayers - 1
    var layers = nodes[..<alone].enumerated().map { rank, node in
      LayerPlan.Layer([node], reason: "number \(rank + 1) by size")
    }
    let rest = nodes[alone...]
    if !rest.isEmpty {
      layers.append(.init(rest, reason: "the rest, \(rest.count) \(rest.count == 1 ? "path" : "paths")"))
    }
    return LayerPlan(layers: layers)
  }
}
