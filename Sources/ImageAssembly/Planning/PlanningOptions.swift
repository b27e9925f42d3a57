public import LayerGraph

/// What divides the store paths of an image, besides the paths themselves.
public struct PlanningOptions: Sendable {
  /// How store paths are divided.
  public var strategy: any PlanningStrategy = LeastBytes()
  /// The plan of the version before.
  public var previous: LayerPlan?
  /// What is known of changes up to the previous plan, where there are no `versions`.
  public var history: ChangeHistory?
  /// Earlier versions, oldest first. The version that is planned may be among them; what comes after it is not looked
  /// at.
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
    let earlier = versions.prefix { $0.graph != graph }
    if versions.isEmpty, let history { request.history = history }
    for version in earlier { request.history.record(version.graph) }
    request.history.record(graph)
    request.deadShare = deadShare
    request.constraints = constraints
    return request
  }
}
