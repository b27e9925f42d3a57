/// Why a plan is as it is, in numbers: what each layer is expected to cost, and what other divisions would.
public struct PlanExplanation: Sendable, Hashable {
  /// One layer, in the plan's order.
  public struct Layer: Sendable, Hashable {
    /// The bytes of the paths that it gives the image.
    public var liveBytes: Int64
    /// The bytes of departed paths.
    public var deadBytes: Int64
    /// The chance that the next version changes one of its paths.
    public var changeProbability: Double
    /// The bytes expected to be sent in its place with the next version.
    public var expectedBytes: Double
    /// Whether the previous plan has the very same layer, so that it is not sent now.
    public var isKept: Bool
    /// Why it is as it is, in a sentence.
    public var reason: String
  }

  /// A layer of the previous plan that is gone.
  public struct Gone: Sendable, Hashable {
    /// Its place in the previous plan, from 0.
    public var place: Int
    /// Bytes of it that are still needed and now written again.
    public var rewrittenBytes: Int64
    /// Bytes of departed paths that are given up with it.
    public var freedBytes: Int64
    /// Why it is gone, in a sentence.
    public var reason: String
  }

  /// Another division of the same paths.
  public struct Alternative: Sendable, Hashable {
    /// The strategy's name.
    public var strategy: String
    /// The bytes of layers that the previous plan does not have.
    public var sentBytes: Int64
    /// The bytes expected to be sent with the next version.
    public var expectedBytes: Double
  }

  /// The layers, from the bottom up.
  public var layers: [Layer] = []
  /// Layers of the previous plan that this one does not have.
  public var gone: [Gone] = []
  /// The bytes of layers that the previous plan does not have.
  public var sentBytes: Int64 = 0
  /// The bytes expected to be sent with the next version.
  public var expectedBytes = 0.0
  /// What changes itself: the bytes that the next version is expected to cost with a layer for every path.
  public var unavoidableBytes = 0.0
  /// No division into so many layers without dead bytes can be expected to send less.
  public var lowerBound = 0.0
  /// What other strategies would do with the same request.
  public var alternatives: [Alternative] = []
  /// The bytes of each path.
  public var sizes: [String: Int64] = [:]
  /// The chance of each path to change with the next version.
  public var volatility: [String: Double] = [:]

  /// Explains a plan.
  /// - Parameters:
  ///   - plan: The plan, whatever strategy made it.
  ///   - request: What the plan was made for.
  ///   - alternatives: The strategies to compare it with.
  /// - Throws: `LayerGraphError`, as `PlanningRequest.plan(with:)`, from an alternative.
  public init(
    _ plan: LayerPlan, for request: PlanningRequest, alternatives: [any PlanningStrategy] = []
  ) throws(LayerGraphError) {
    let model = ChangeModel(request.graph, GraphIndex(request.graph), request.history)
    let estimate = Estimate(request, model)
    let had = Set((request.previous?.layers ?? []).map(\.members))
    let costs = estimate.costs(plan)
    layers = zip(plan.layers, costs).map { layer, cost in
      let live = layer.paths.reduce(Int64(0)) { $0 + estimate.size(of: $1) }
      return Layer(
        liveBytes: live, deadBytes: layer.bytes - live, changeProbability: cost.chance, expectedBytes: cost.bytes,
        isKept: had.contains(layer.members), reason: layer.reason)
    }
    gone = Self.gone(plan, request, estimate)
    sentBytes = Self.sentBytes(plan, had)
    expectedBytes = costs.reduce(0) { $0 + $1.bytes }
    let chances = request.graph.nodes.indices.map { model.probability(of: [$0]) }
    let sizes = request.graph.nodes.map { Double($0.size) }
    unavoidableBytes = zip(sizes, chances).reduce(0) { $0 + $1.0 * $1.1 }
    lowerBound = LowerBound.expectedBytes(sizes: sizes, chances: chances, layers: request.maximumLayers)
    for (node, chance) in zip(request.graph.nodes, chances) {
      self.sizes[node.path] = node.size
      volatility[node.path] = chance
    }
    for strategy in alternatives {
      let other = try request.plan(with: strategy)
      self.alternatives.append(
        Alternative(
          strategy: strategy.name, sentBytes: Self.sentBytes(other, had),
          expectedBytes: estimate.costs(other, keepsDead: strategy is LeastBytes).reduce(0) { $0 + $1.bytes }))
    }
  }

  private static func sentBytes(_ plan: LayerPlan, _ had: Set<[String]>) -> Int64 {
    plan.layers.reduce(0) { had.contains($1.members) ? $0 : $0 + $1.bytes }
  }

  private static func gone(_ plan: LayerPlan, _ request: PlanningRequest, _ estimate: Estimate) -> [Gone] {
    let has = Set(plan.layers.map(\.members))
    return (request.previous?.layers ?? []).enumerated().compactMap { place, layer in
      let members = layer.members
      guard !has.contains(members) else { return nil }
      let live = members.filter(estimate.has)
      let liveBytes = live.reduce(Int64(0)) { $0 + estimate.size(of: $1) }
      let departed = members.count - live.count
      let reason =
        if live.isEmpty {
          "all its paths departed"
        } else if departed == 0 {
          "written again to make room"
        } else if request.deadShare > 0 {
          "compacted: \(departed) of its \(members.count) paths departed"
        } else {
          "\(departed) of its \(members.count) paths departed"
        }
      return Gone(
        place: place, rewrittenBytes: liveBytes, freedBytes: max(0, layer.bytes - liveBytes), reason: reason)
    }
  }
}

/// What layers are expected to cost with the next version, under one model.
private struct Estimate {
  private let request: PlanningRequest
  private let model: ChangeModel
  private let number: [String: Int]

  init(_ request: PlanningRequest, _ model: ChangeModel) {
    self.request = request
    self.model = model
    var number: [String: Int] = [:]
    for (index, node) in request.graph.nodes.enumerated() { number[node.path] = index }
    self.number = number
  }

  func has(_ path: String) -> Bool { number[path] != nil }

  func size(of path: String) -> Int64 { number[path].map { request.graph.nodes[$0].size } ?? 0 }

  /// - Parameter keepsDead: Whether what made the plan keeps layers that lost paths, where that is allowed.
  func costs(_ plan: LayerPlan, keepsDead: Bool = true) -> [(chance: Double, bytes: Double)] {
    let members = plan.layers.map { $0.paths.compactMap { number[$0] } }
    let chances = members.map { model.probability(of: $0) }
    guard request.deadShare > 0, keepsDead else {
      return zip(plan.layers, chances).map { ($1, $1 * Double($0.bytes)) }
    }
    // Where dead bytes are allowed, a layer that changes is not sent again at once: what changed is, and from time to
    // time what is left of it.
    var next = request
    next.previous = plan
    let problem = PlanningProblem(next, .init())
    var rewritten = [Double](repeating: 0, count: plan.layers.count)
    for (candidate, bytes) in zip(problem.candidates, problem.outlook(.init()).rewrittenBytes) {
      rewritten[candidate.place] = bytes
    }
    return plan.layers.indices.map { index in
      let own = members[index].reduce(0) { $0 + Double(request.graph.nodes[$1].size) * model.probability(of: [$1]) }
      return (chances[index], own + rewritten[index])
    }
  }
}
