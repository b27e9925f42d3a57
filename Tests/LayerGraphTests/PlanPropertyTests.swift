import LayerGraph
import Testing

/// What every strategy promises, whatever it is given.
struct PlanPropertyTests {
  static let names = PlanningStrategies.all.map(\.name)

  private func strategy(_ name: String) throws -> any PlanningStrategy {
    try #require(PlanningStrategies.named(name))
  }

  private func check(_ plan: LayerPlan, _ request: PlanningRequest) {
    #expect(plan.layers.flatMap(\.paths).sorted() == request.graph.nodes.map(\.path).sorted())
    #expect(plan.layers.count <= request.maximumLayers)
    #expect(plan.layers.allSatisfy { !$0.paths.isEmpty && !$0.reason.isEmpty })
  }

  @Test(arguments: names) func everyPathIsInOneLayerAndTheBudgetHolds(name: String) throws {
    var random = RandomImages(seed: 1)
    for _ in 0..<40 {
      let graph = try random.graph(1...40)
      for budget in [1, 2, 3, 4, 5, 8, 16, 39, 100] {
        let request = try PlanningRequest(graph, maximumLayers: budget)
        check(try request.plan(with: strategy(name)), request)
      }
    }
  }

  @Test(arguments: names) func theOrderOfTheInputDoesNotMatter(name: String) throws {
    for seed in 1...10 as ClosedRange<UInt64> {
      var random = RandomImages(seed: seed)
      let versions = try random.versions(paths: 30, versions: 6)
      var plans: [LayerPlan] = []
      for isReversed in [false, true] {
        var history = ChangeHistory()
        var plan: LayerPlan?
        for version in versions {
          let graph = isReversed ? try StoreGraph(version.graph.nodes.reversed()) : version.graph
          history.record(graph)
          var request = try PlanningRequest(graph, maximumLayers: 6)
          request.previous = plan
          request.history = history
          plan = try request.plan(with: strategy(name))
        }
        plans.append(try #require(plan))
      }
      #expect(plans[0] == plans[1])
    }
  }

  @Test(arguments: names) func degenerateImagesHaveAPlan(name: String) throws {
    let chain = (0..<20).map { StoreGraph.Node(path: "/s/\($0)", size: 5, references: ["/s/\(($0 + 1) % 20)"]) }
    let graphs = [
      try StoreGraph([]),
      try StoreGraph([.init(path: "/s/one", size: 0)]),
      try StoreGraph((0..<20).map { .init(path: "/s/\($0)", size: 0) }),
      try StoreGraph((0..<20).map { .init(path: "/s/\($0)", size: 7) }),
      try StoreGraph(chain),
      try StoreGraph([.init(path: "/s/large", size: .max)]),
    ]
    for graph in graphs {
      for budget in [1, 2, 20, 500] {
        let request = try PlanningRequest(graph, maximumLayers: budget)
        check(try request.plan(with: strategy(name)), request)
      }
    }
  }

  @Test(arguments: names) func aPreviousPlanOfAnotherImageDoesNoHarm(name: String) throws {
    var random = RandomImages(seed: 3)
    let graph = try random.graph(20...30)
    let other = LayerPlan(layers: [
      .init(paths: ["/other/a", "/other/b"], bytes: 100, reason: ""),
      .init(paths: [graph.nodes[0].path, "/other/c"], dead: ["/other/d"], bytes: 1 << 40, reason: ""),
    ])
    for share in [0, 0.1] {
      var request = try PlanningRequest(graph, maximumLayers: 5)
      request.previous = other
      request.deadShare = share
      check(try request.plan(with: strategy(name)), request)
    }
  }
}
