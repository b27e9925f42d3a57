public import LayerGraph

/// What divides the store paths of an image, besides the paths themselves.
public struct PlanningOptions: Sendable {
  /// How store paths are divided.
  public var strategy: any PlanningStrategy = LeastBytes()
  /// The plan of the version before.
  public var previous: LayerPlan?
  /// Earlier versions, oldest first; the version that is planned may be the last of them or not.
  public var versions: [ImageVersion] = []
  /// The share of the image that departed paths may take up in layers that are kept; see `PlanningRequest.deadShare`.
  public var deadShare = 0.0
  /// What the layers have to respect.
  public var constraints = PlanningConstraints()

  /// The defaults: our own strategy, without a previous plan, without dead bytes.
  public init() {}

  /// The request for some paths.
  /// - Throws: `LayerGraphError.Code.invalidBudget`.
  public func request(for graph: StoreGraph, maximumLayers: Int) throws(LayerGraphError) -> PlanningRequest {
    var request = try PlanningRequest(graph, maximumLayers: maximumLayers)
    request.previous = previous
    for version in versions { request.history.record(version.graph) }
    if versions.last?.graph != graph { request.history.record(graph) }
    request.deadShare = deadShare
    request.constraints = constraints
    return request
  }
}
