import LayerGraph
import Testing

/// Recorded versions, planned one after the other.
struct ReplayTests {
  private func version(_ time: Int64, _ paths: [String: Int64]) throws -> ImageVersion {
    ImageVersion(time: time, graph: try StoreGraph(paths.map { .init(path: $0.key, size: $0.value) }))
  }

  @Test func whatAnUpdateMovesIsCounted() throws {
    let versions = [
      try version(1, ["/s/a-1": 100, "/s/b-1": 10, "/s/c-1": 1]),
      try version(2, ["/s/a-1": 100, "/s/b-2": 20, "/s/c-1": 1]),
      try version(3, ["/s/a-1": 100, "/s/b-1": 10, "/s/c-1": 1]),
    ]
    let report = try Replay(versions, warmUp: 1).run(LargestFirst(), maximumLayers: 3)
    #expect(report.updates.map(\.imageBytes) == [121, 111])
    #expect(report.updates.map(\.unavoidableBytes) == [20, 10])
    #expect(report.updates.map(\.pulledBytes) == [20, 10])
    // The registry still has b-1 from the first version.
    #expect(report.updates.map(\.pushedBytes) == [20, 0])
    // a lies below b, and c above it.
    #expect(report.updates.map(\.chainBytes) == [21, 11])
    #expect(report.updates.map(\.pulledLayers) == [1, 1])
    #expect(report.updates.map(\.movedBytes) == [0, 0])
    let single = try Replay(versions, warmUp: 1).run(SingleLayer(), maximumLayers: 3)
    #expect(single.updates.map(\.pulledBytes) == [121, 111])
    #expect(single.updates.map(\.movedBytes) == [101, 101])
    #expect(abs(single.waste - (101.0 / 121 + 101.0 / 111) / 2) < 1e-12)
  }

  @Test func summariesAreMeanMedianAndPercentile() throws {
    var report = try Replay([version(1, ["/a": 1]), version(2, ["/b": 1])]).run(SingleLayer(), maximumLayers: 1)
    let update = try #require(report.updates.first)
    report.updates = (1...21).map { value in
      var update = update
      update.pulledBytes = Int64(value * value)
      return update
    }
    let summary = report.summary { Double($0.pulledBytes) }
    #expect(summary.median == 121)
    #expect(summary.percentile95 == 400)
    #expect(abs(summary.mean - 3311.0 / 21) < 1e-9)
  }

  @Test func historiesThatCannotBeReplayedAreErrors() throws {
    let backwards = [try version(2, ["/a": 1]), try version(1, ["/a": 1])]
    let error = #expect(throws: LayerGraphError.self) { try Replay(backwards) }
    #expect(error?.code == .invalidHistory)
    #expect(error?.message.contains("version 2") == true)
    #expect(throws: LayerGraphError.self) { try Replay([]) }
    #expect(throws: LayerGraphError.self) { try Replay([version(1, ["/a": 1])]) }
  }

  @Test func thePortfolioTakesTheCheapestByTheCallersCost() throws {
    var random = RandomImages(seed: 5)
    let replay = try Replay(try random.versions(paths: 40, versions: 12), warmUp: 3)
    for cost in [TransferCost.digestStores, .chainStores, .init(digest: 0.5, chain: 0.5)] {
      let portfolio = try Portfolio(replay, maximumLayers: 6, cost: cost)
      let costs = portfolio.reports.map(cost.of)
      #expect(costs == costs.sorted())
      #expect(portfolio.reports.count == PlanningStrategies.all.count)
      #expect(portfolio.best.name == portfolio.reports[0].strategy)
    }
    #expect(throws: LayerGraphError.self) { try Portfolio(replay, maximumLayers: 6, strategies: []) }
  }

  @Test func explanationsAddUp() throws {
    var random = RandomImages(seed: 8)
    let versions = try random.versions(paths: 40, versions: 12)
    let last = try #require(versions.last)
    var history = ChangeHistory()
    for version in versions { history.record(version.graph) }
    var request = try PlanningRequest(last.graph, maximumLayers: 8)
    request.history = history
    request.previous = try PlanningRequest(versions[10].graph, maximumLayers: 8).plan(with: LargestFirst())
    for share in [0, 0.1] {
      request.deadShare = share
      let plan = try request.plan(with: LeastBytes())
      let explanation = try PlanExplanation(plan, for: request, alternatives: PlanningStrategies.all)
      #expect(explanation.layers.count == plan.layers.count)
      #expect(explanation.layers.reduce(0) { $0 + $1.liveBytes } == last.graph.totalSize)
      #expect(explanation.layers.allSatisfy { (0...1).contains($0.changeProbability) && $0.expectedBytes >= 0 })
      #expect(abs(explanation.expectedBytes - explanation.layers.reduce(0) { $0 + $1.expectedBytes }) < 1e-6)
      #expect(explanation.unavoidableBytes <= explanation.lowerBound * 1.000001)
      #expect(explanation.volatility.count == last.graph.nodes.count)
      #expect(
        explanation.sentBytes
          == plan.layers.filter { layer in
            !(request.previous?.layers.contains { $0.members == layer.members } ?? false)
          }.reduce(0) { $0 + $1.bytes })
      let own = explanation.alternatives.first { $0.strategy == "least-bytes" }
      #expect(own?.sentBytes == explanation.sentBytes)
      #expect(explanation.gone.allSatisfy { !$0.reason.isEmpty && $0.freedBytes >= 0 })
      if share == 0 { #expect(explanation.lowerBound <= explanation.expectedBytes * 1.000001) }
    }
  }

  /// What a change costs is counted once, and not again as what is left of its layer.
  @Test func whereEveryPathHasItsLayerOnlyWhatChangesIsExpectedToBeSent() throws {
    var random = RandomImages(seed: 21)
    let versions = try random.versions(paths: 12, versions: 20, rate: 0.2)
    let last = try #require(versions.last)
    var history = ChangeHistory()
    for version in versions { history.record(version.graph) }
    var request = try PlanningRequest(last.graph, maximumLayers: 40)
    request.history = history
    let plan = LayerPlan(layers: last.graph.nodes.map { .init([$0], reason: "alone") })
    for share in [0, 0.1, 0.5] {
      request.deadShare = share
      let explanation = try PlanExplanation(plan, for: request)
      #expect(explanation.unavoidableBytes > 0)
      #expect(abs(explanation.expectedBytes / explanation.unavoidableBytes - 1) < 0.001, "\(share)")
    }
  }
}
