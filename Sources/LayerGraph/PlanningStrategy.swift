/// What a plan is made for. All state is here: equal requests give equal plans.
public struct PlanningRequest: Sendable, Hashable {
  /// The store paths to put into layers.
  public let graph: StoreGraph
  /// The most layers that the plan may have, at least one.
  public let maximumLayers: Int

  /// Creates a request.
  /// - Throws: `LayerGraphError.Code.invalidBudget`.
  public init(_ graph: StoreGraph, maximumLayers: Int) throws(LayerGraphError) {
    guard maximumLayers >= 1 else {
      throw LayerGraphError(.invalidBudget, "at most \(maximumLayers) layers were asked for; at least 1 is needed")
    }
    self.graph = graph
    self.maximumLayers = maximumLayers
  }
}

extension PlanningRequest {
  /// Asks a strategy for a plan and makes sure that it is one.
  /// - Throws: `LayerGraphError.Code.invalidPlan` when a path is missing, repeated or invented, a layer is empty, or there
  ///   are too many.
  public func plan(with strategy: some PlanningStrategy) throws(LayerGraphError) -> LayerPlan {
    let plan = strategy.plan(self)
    let paths = plan.layers.flatMap(\.paths).sorted(by: byteOrder)
    guard paths == graph.nodes.map(\.path), plan.layers.count <= maximumLayers,
      plan.layers.allSatisfy({ !$0.paths.isEmpty })
    else {
      throw LayerGraphError(
        .invalidPlan,
        "the strategy \(type(of: strategy)) does not put every path into exactly one of at most \(maximumLayers) layers"
      )
    }
    return plan
  }
}

/// A way to divide store paths into layers.
public protocol PlanningStrategy: Sendable {
  /// Divides the paths: a pure function, every path into exactly one layer, no layer empty.
  func plan(_ request: PlanningRequest) -> LayerPlan
}
