import LayerGraph
import Testing

/// What every plan promises, and what largest-first adds to it.
struct LargestFirstTests {
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }

  private func randomGraph(_ generator: inout Generator) throws -> StoreGraph {
    let count = Int.random(in: 1...40, using: &generator)
    return try StoreGraph(
      (0..<count).map { index in
        let references = (0..<index).filter { _ in Int.random(in: 0..<5, using: &generator) == 0 }
        // Few different sizes, so that ties are common.
        return StoreGraph.Node(
          path: "/store/\(index)", size: Int64.random(in: 0...6, using: &generator) * 1000,
          references: references.map { "/store/\($0)" })
      })
  }

  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func everyPathIsInOneLayerAndTheBudgetHolds(seed: UInt64) throws {
    var generator = Generator(state: seed &* 0x9E37_79B9_7F4A_7C15)
    let graph = try randomGraph(&generator)
    for budget in 1...45 {
      let plan = LargestFirst().plan(try PlanningRequest(graph, maximumLayers: budget))
      #expect(plan.layers.count == min(budget, graph.nodes.count))
      #expect(plan.layers.flatMap(\.paths).sorted() == graph.nodes.map(\.path).sorted())
      #expect(plan.layers.allSatisfy { !$0.paths.isEmpty && !$0.reason.isEmpty })
      #expect(plan.layers.reduce(0) { $0 + $1.bytes } == graph.totalSize)
      // Those alone are the largest, in falling order, below the rest.
      let alone = plan.layers.dropLast().map(\.bytes)
      #expect(alone == alone.sorted(by: >))
      let sizes = Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.path, $0.size) })
      let rest = plan.layers.last?.paths.compactMap { sizes[$0] } ?? []
      #expect((alone.last ?? .max) >= (rest.max() ?? 0))
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>) func theOrderOfTheInputDoesNotMatter(seed: UInt64) throws {
    var generator = Generator(state: seed &* 0x2545_F491_4F6C_DD1D)
    let graph = try randomGraph(&generator)
    let shuffled = try StoreGraph(graph.nodes.shuffled(using: &generator))
    for budget in [1, 2, 5, 100] {
      let plan = LargestFirst().plan(try PlanningRequest(graph, maximumLayers: budget))
      #expect(LargestFirst().plan(try PlanningRequest(shuffled, maximumLayers: budget)) == plan)
    }
  }

  private struct Broken: PlanningStrategy {
    var name: String { "broken" }
    var layers: [[String]]
    func plan(_ request: PlanningRequest) -> LayerPlan {
      LayerPlan(layers: layers.map { .init($0.map { StoreGraph.Node(path: $0, size: 1) }, reason: "test") })
    }
  }

  @Test(arguments: [
    [["/a"]], [["/a"], ["/b"], ["/b"]], [["/a", "/b"], []], [["/a"], ["/b"], ["/c"]], [["/a"], ["/b"], []],
  ])
  func aStrategyThatGivesNoPlanIsFoundOut(layers: [[String]]) throws {
    let graph = try StoreGraph([.init(path: "/a", size: 1), .init(path: "/b", size: 1)])
    let request = try PlanningRequest(graph, maximumLayers: 2)
    #expect(try request.plan(with: Broken(layers: [["/b"], ["/a"]])).layers.count == 2)
    let error = #expect(throws: LayerGraphError.self) { _ = try request.plan(with: Broken(layers: layers)) }
    #expect(error?.code == .invalidPlan)
  }

  @Test func anEmptyGraphHasNoLayer() throws {
    #expect(LargestFirst().plan(try PlanningRequest(StoreGraph([]), maximumLayers: 3)).layers.isEmpty)
  }

  @Test(arguments: [0, -1]) func aBudgetBelowOneIsRefused(budget: Int) throws {
    let graph = try StoreGraph([])
    let error = #expect(throws: LayerGraphError.self) { _ = try PlanningRequest(graph, maximumLayers: budget) }
    #expect(error?.code == .invalidBudget)
  }
}
