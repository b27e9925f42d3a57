/// What a byte costs that a store pulls, by the kind of store.
public struct TransferCost: Sendable, Hashable {
  /// The weight of stores that know layers by digest: registries, containerd, podman.
  public var digest: Double
  /// The weight of stores that fetch everything above the first missing layer: Docker's classic store.
  public var chain: Double

  /// Digest stores alone.
  public static let digestStores = TransferCost(digest: 1, chain: 0)
  /// Chain stores alone.
  public static let chainStores = TransferCost(digest: 0, chain: 1)

  /// Weighs both kinds.
  public init(digest: Double, chain: Double) {
    self.digest = digest
    self.chain = chain
  }

  /// The mean cost of an update, as a share of the image.
  public func of(_ report: ReplayReport) -> Double {
    digest * report.pulledShare.mean + chain * report.chainShare.mean
  }
}

/// Every strategy on one recorded history, and the cheapest of them.
public struct Portfolio: Sendable {
  /// What each strategy moved, the cheapest first; equal costs in the order given.
  public let reports: [ReplayReport]
  /// The cheapest strategy.
  public let best: any PlanningStrategy

  /// Replays a history through strategies.
  /// - Parameters:
  ///   - replay: The recorded versions.
  ///   - maximumLayers: The most layers that an image may have.
  ///   - deadShare: How much of an image may be departed paths, from 0 to 1.
  ///   - strategies: At least one; `PlanningStrategies.all` are all that there are.
  ///   - cost: What counts as cheap: bytes for stores by digest, by chain, or both.
  /// - Throws: `LayerGraphError`; `invalidPlan` when no strategy is given.
  public init(
    _ replay: Replay, maximumLayers: Int, deadShare: Double = 0,
    strategies: [any PlanningStrategy] = PlanningStrategies.all, cost: TransferCost = .digestStores
  ) throws(LayerGraphError) {
    var results: [(strategy: any PlanningStrategy, report: ReplayReport, cost: Double)] = []
    for strategy in strategies {
      let report = try replay.run(strategy, maximumLayers: maximumLayers, deadShare: deadShare)
      let own = cost.of(report)
      results.insert((strategy, report, own), at: results.firstIndex { $0.cost > own } ?? results.endIndex)
    }
    guard let first = results.first else {
      throw LayerGraphError(.invalidPlan, "a portfolio needs at least one strategy")
    }
    best = first.strategy
    reports = results.map(\.report)
  }
}
