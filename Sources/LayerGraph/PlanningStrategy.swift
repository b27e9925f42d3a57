/// What a plan is made for. All state is here: equal requests give equal plans.
public struct PlanningRequest: Sendable, Hashable {
  /// The store paths to put into layers.
  public var graph: StoreGraph
  /// The most layers that the plan may have, at least one.
  public var maximumLayers: Int

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

/// A way to divide store paths into layers.
public protocol PlanningStrategy: Sendable {
  /// Divides the paths: a pure function, every path into exactly one layer, no layer empty.
  func plan(_ request: PlanningRequest) -> LayerPlan
}
