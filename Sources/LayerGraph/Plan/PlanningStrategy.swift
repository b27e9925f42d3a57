/// A way to divide store paths into layers.
public protocol PlanningStrategy: Sendable {
  /// A short name for the command line and for reports.
  var name: String { get }

  /// Divides the paths: a pure function, every path into exactly one layer, no layer empty. Constraints are not its
  /// business.
  func plan(_ request: PlanningRequest) -> LayerPlan
}

extension PlanningRequest {
  /// Asks a strategy for a plan, sees to the constraints, and makes sure that it is a plan for what was asked.
  /// - Throws: `LayerGraphError`: `invalidBudget` when base image and pinned layers leave none, `unsatisfiable` when
  ///   the constraints contradict each other, `invalidPlan` when a path is missing, repeated or invented, a layer is
  ///   empty, there are too many layers, or too many dead bytes.
  public func plan(with strategy: some PlanningStrategy) throws(LayerGraphError) -> LayerPlan {
    guard deadShare >= 0, deadShare < 1 else {
      throw LayerGraphError(.invalidBudget, "dead bytes may take a share from 0 up to 1 of the image, not \(deadShare)")
    }
    let arrangement = try Arrangement(self)
    var plan = LayerPlan(layers: arrangement.pinned)
    if let free = arrangement.request {
      let own = strategy.plan(free)
      try Self.verify(own, of: free, strategy.name)
      plan.layers += try arrangement.arranged(own.layers)
    }
    return plan
  }

  private static func verify(
    _ plan: LayerPlan, of request: PlanningRequest, _ name: String
  ) throws(LayerGraphError) {
    let paths = plan.layers.flatMap(\.paths).sorted(by: byteOrder)
    guard paths == request.graph.nodes.map(\.path), plan.layers.count <= request.maximumLayers,
      plan.layers.allSatisfy({ !$0.paths.isEmpty })
    else {
      throw LayerGraphError(
        .invalidPlan,
        "the strategy '\(name)' does not put every path into exactly one of at most \(request.maximumLayers) layers")
    }
    let dead = plan.layers.reduce(Int64(0)) { $0 + $1.bytes } - request.graph.totalSize
    guard Double(dead) <= request.deadShare * Double(request.graph.totalSize) else {
      throw LayerGraphError(.invalidPlan, "the strategy '\(name)' keeps \(dead) dead bytes, more than it may")
    }
  }
}
