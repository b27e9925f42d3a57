/// Everything in one layer: what every other strategy is measured against.
public struct SingleLayer: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "single-layer" }

  /// Creates the strategy; it has no settings.
  public init() {}

  /// Puts all paths together.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let nodes = request.graph.nodes
    return LayerPlan(layers: nodes.isEmpty ? [] : [.init(nodes, reason: "everything together")])
  }
}
