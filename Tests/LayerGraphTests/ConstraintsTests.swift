import LayerGraph
import Testing

/// What layers have to respect, whatever strategy divides the paths.
struct ConstraintsTests {
  private func graph(_ count: Int) throws -> StoreGraph {
    try StoreGraph((0..<count).map { .init(path: "/s/p\($0)x-1", size: Int64(100 * ($0 + 1))) })
  }

  @Test(arguments: PlanPropertyTests.names) func allOfThemHoldForEveryStrategy(name: String) throws {
    let strategy = try #require(PlanningStrategies.named(name))
    let graph = try graph(30)
    var request = try PlanningRequest(graph, maximumLayers: 12)
    request.constraints.baseLayers = 3
    request.constraints.pinned = [["/s/p3x-1", "/s/p7x-1", "/s/absent"], ["/s/p29x-1"]]
    request.constraints.apart = [["/s/p0x-1", "/s/p1x-1", "/s/p2x-1"]]
    request.constraints.ignored = ["/s/p11x-1"]
    let plan = try request.plan(with: strategy)
    #expect(plan.layers.count <= 9)
    #expect(plan.layers.flatMap(\.paths).sorted() == graph.nodes.map(\.path).filter { $0 != "/s/p11x-1" })
    #expect(plan.layers.prefix(2).map(\.paths) == [["/s/p3x-1", "/s/p7x-1"], ["/s/p29x-1"]])
    let apart = Set(request.constraints.apart[0])
    #expect(plan.layers.allSatisfy { $0.paths.count(where: apart.contains) <= 1 })
    let sizes = Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.path, $0.size) })
    #expect(plan.layers.allSatisfy { layer in layer.bytes == layer.paths.reduce(0) { $0 + (sizes[$1] ?? 0) } })
  }

  @Test func smallLayersArePutTogetherUnlessTheyAreKept() throws {
    let graph = try graph(10)
    var request = try PlanningRequest(graph, maximumLayers: 10)
    request.constraints.minimumLayerBytes = 500
    let plan = try request.plan(with: LargestFirst())
    #expect(plan.layers.allSatisfy { $0.bytes >= 500 })
    request.previous = LayerPlan(layers: [.init(paths: ["/s/p0x-1"], bytes: 100, reason: "")])
    #expect(try request.plan(with: LeastBytes()).layers.contains { $0.paths == ["/s/p0x-1"] })
  }

  @Test func tooFewLayersForWhatIsFixedIsAnError() throws {
    var request = try PlanningRequest(graph(5), maximumLayers: 3)
    request.constraints.baseLayers = 3
    #expect(throws: LayerGraphError.self) { try request.plan(with: LargestFirst()) }
    request.constraints.baseLayers = 1
    request.constraints.pinned = [["/s/p0x-1"], ["/s/p1x-1"]]
    let error = #expect(throws: LayerGraphError.self) { try request.plan(with: LargestFirst()) }
    #expect(error?.code == .invalidBudget)
    #expect(error?.message.contains("2 are pinned") == true)
  }

  @Test func contradictionsAreFoundOut() throws {
    var request = try PlanningRequest(graph(5), maximumLayers: 5)
    request.constraints.pinned = [["/s/p0x-1", "/s/p1x-1"]]
    request.constraints.apart = [["/s/p0x-1", "/s/p1x-1"]]
    #expect(throws: LayerGraphError.self) { try request.plan(with: LargestFirst()) }
    request.constraints.apart = []
    request.constraints.pinned = [["/s/p0x-1"], ["/s/p0x-1"]]
    let twice = #expect(throws: LayerGraphError.self) { try request.plan(with: LargestFirst()) }
    #expect(twice?.code == .unsatisfiable)
    request.constraints.pinned = []
    request.constraints.apart = [["/s/p0x-1", "/s/p1x-1", "/s/p2x-1"]]
    var small = try PlanningRequest(graph(5), maximumLayers: 2)
    small.constraints = request.constraints
    let apart = #expect(throws: LayerGraphError.self) { try small.plan(with: LargestFirst()) }
    #expect(apart?.code == .unsatisfiable)
  }

  @Test(arguments: [-0.1, 1, 2, .nan]) func impossibleSharesAreRefused(share: Double) throws {
    var request = try PlanningRequest(graph(5), maximumLayers: 5)
    request.deadShare = share
    #expect(throws: LayerGraphError.self) { try request.plan(with: LeastBytes()) }
  }
}
