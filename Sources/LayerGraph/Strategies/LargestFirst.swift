/// The largest paths alone, the rest together in the top layer: Guix's division.
///
/// A large path that does not change is then never sent again because something small beside it did.
public struct LargestFirst: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "largest-first" }

  /// Creates the strategy; it has no settings.
  public init() {}

  /// Divides the paths: by size, then by name, so that no order of the input matters.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let nodes = request.graph.nodes
    let order = nodes.indices.sorted { (nodes[$0].size, $1) > (nodes[$1].size, $0) }
    return request.plan(headsOf: order) { "number \($0 + 1) by size" }
  }
}
