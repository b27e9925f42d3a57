/// What a plan is made for. All state is here: equal requests give equal plans.
public struct PlanningRequest: Sendable {
  /// The store paths to put into layers.
  public let graph: StoreGraph
  /// The most layers that the plan may have, at least one.
  public let maximumLayers: Int
  /// The plan of the version before, whose layers stores have already.
  public var previous: LayerPlan?
  /// What is known of earlier versions.
  public var history = ChangeHistory()
  /// The most bytes that departed paths may take up in layers that are kept for what else they hold, as a share of the
  /// bytes of all paths: 0 keeps none, 0.1 a tenth. What departed is hidden by whiteouts in one more layer above those
  /// of the plan.
  public var deadShare = 0.0
  /// What the layers have to respect.
  public var constraints = PlanningConstraints()

  /// Creates a request.
  /// - Throws: `LayerGraphError.Code.invalidBudget`.
  public init(_ graph: StoreGraph, maximumLayers: Int) throws(LayerGraphError) {
    guard maximumLayers >= 1 else {
      throw LayerGraphError(.invalidBudget, "at most \(maximumLayers) layers were asked for; at least 1 is needed")
    }
    self.graph = graph
    self.maximumLayers = maximumLayers
  }

  /// The same request for other paths or another number of layers.
  func with(_ graph: StoreGraph, maximumLayers: Int) throws(LayerGraphError) -> PlanningRequest {
    var request = try PlanningRequest(graph, maximumLayers: maximumLayers)
    request.previous = previous
    request.history = history
    request.deadShare = deadShare
    return request
  }
}

/// What layers have to respect, whatever strategy divides the paths.
public struct PlanningConstraints: Sendable, Hashable {
  /// Layers that a base image brings; they count against the most layers.
  public var baseLayers = 0
  /// Groups of paths that share a layer with each other and with nothing else. These layers lie at the bottom, in this
  /// order.
  public var pinned: [[String]] = []
  /// Groups of paths of which no two may share a layer, e.g. because they want different metadata for one directory.
  public var apart: [[String]] = []
  /// Layers with fewer bytes are put together, the smallest first, unless a store has them already. 0: none.
  public var minimumLayerBytes: Int64 = 0
  /// Paths that are left out of the plan, e.g. because a base image has them.
  public var ignored: Set<String> = []

  /// Creates constraints that ask for nothing.
  public init() {}
}
