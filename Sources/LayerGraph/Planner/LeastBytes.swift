/// Flywheel's own division: the layers that move the fewest bytes with the next versions.
///
/// Layers of the previous plan that lost nothing keep their digest at no cost. What is new has to be sent anyway,
/// wherever it lies; so only that is divided, together with what is left of layers that lost a path. With a share for
/// dead bytes, a layer that lost paths can be kept too: what departed is hidden by whiteouts above.
///
/// What to write again, and how to divide it, is decided by what it costs now and over the next versions, drawn from a
/// model of how paths change. The division itself starts from the largest alone and is improved by moves, splits and merges.
/// Without a previous plan and a history the division is that of ``Strata``, which rests on sizes and references
/// alone, so that unrelated changes leave it as it is.
///
/// `docs/layer-planning.md` tells why, and what it was measured on.
public struct LeastBytes: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "least-bytes" }

  var parameters = Parameters()

  /// What was chosen by measuring; `docs/layer-planning.md` says on what.
  struct Parameters: Sendable {
    var model = ChangeModel.Parameters()
    /// How many futures are drawn, and how many versions each has.
    var futures = 120
    var versions = 1
    /// How much of the dead-byte budget is used. The rest is for what departs before the next compaction pays.
    var deadUse = 0.72
    /// What a dead byte costs a version, in bytes sent: what those pay who pull the image for the first time.
    var deadPrice = 0.35
    /// What a byte costs that only chain stores fetch again, in bytes.
    var chainPrice = 0.05
    /// For the order of layers: how many futures are drawn, and how many versions each has.
    var orderFutures = 60
    var orderVersions = 4
    /// How many items the simulation looks at, at most, and which share of the bytes is enough.
    var simulatedItems = 192
    var simulatedShare = 0.99
  }

  /// Creates the strategy.
  public init() {}

  /// Divides the paths of an image that has a history, but no plan that could be kept.
  private func first(_ request: PlanningRequest) -> LayerPlan {
    let problem = PlanningProblem(request, parameters)
    let items = Array(problem.sizes.indices)
    let searches = PartitionSearch.all(
      items, sizes: problem.sizes, limit: request.maximumLayers, model: problem.model, isThorough: true)
    return problem.plan(.init(groups: searches.min { $0.cost < $1.cost }?.result ?? [items]))
  }

  /// Divides the paths.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    guard !request.graph.nodes.isEmpty else { return LayerPlan(layers: []) }
    if request.previous?.layers.isEmpty ?? true {
      // Without anything known, searching would only find another plan for every version.
      return request.history.transitions.isEmpty ? Strata().plan(request) : first(request)
    }
    let problem = PlanningProblem(request, parameters)
    return problem.plan(PlanSearch(problem).best())
  }
}
