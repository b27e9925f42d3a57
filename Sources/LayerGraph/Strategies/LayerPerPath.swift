/// One layer for each path, what is referred to first; what the budget does not hold shares the last.
///
/// So conda-docker and others divide.
public struct LayerPerPath: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "layer-per-path" }

  /// Creates the strategy; it has no settings.
  public init() {}

  /// Divides the paths in the order of their references.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let index = GraphIndex(request.graph)
    return request.plan(headsOf: index.order.map(Int.init)) { "number \($0 + 1) in order of references" }
  }
}
