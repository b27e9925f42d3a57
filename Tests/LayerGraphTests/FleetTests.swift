import LayerGraph
import Testing

/// Images that are planned together.
struct FleetTests {
  /// Images with a common base, a library for some, and an application each.
  private func fleet(_ seed: UInt64, images: Int, layers: Int) throws -> FleetRequest {
    var random = RandomImages(seed: seed)
    func node(_ name: String, _ random: inout RandomImages) -> StoreGraph.Node {
      .init(path: "/s/\(name)x-1", size: Int64(1000 + random.share() * random.share() * 1_000_000))
    }
    let base = (0..<20).map { node("base\($0)", &random) }
    let libraries = (0..<30).map { node("lib\($0)", &random) }
    return FleetRequest(
      try (0..<images).map { image in
        let own = libraries.filter { _ in random.number(0...3) == 0 }
        let applications = (0..<3).map { node("app\(image)-\($0)", &random) }
        return .init(
          name: "image\(image)", graph: try StoreGraph(base + own + applications), maximumLayers: layers)
      })
  }

  private func check(_ plan: FleetPlan, _ request: FleetRequest) throws {
    for image in request.images {
      let own = try #require(plan.plan(of: image.name))
      #expect(own.layers.flatMap(\.paths).sorted() == image.graph.nodes.map(\.path).sorted())
      #expect(own.layers.count <= image.maximumLayers)
    }
    let union = try request.union()
    let sizes = Dictionary(uniqueKeysWithValues: union.nodes.map { ($0.path, $0.size) })
    #expect(plan.layers.allSatisfy { layer in layer.bytes == layer.paths.reduce(0) { $0 + (sizes[$1] ?? 0) } })
    #expect(Set(plan.layers.map(\.paths)).count == plan.layers.count)
    #expect(plan.registryBytes >= union.totalSize)
  }

  @Test(arguments: [1, 2, 3, 5, 8, 16, 64]) func everyImageHasItsPathsOnceWithinItsBudget(layers: Int) throws {
    for seed in 1...5 as ClosedRange<UInt64> {
      let request = try fleet(seed, images: 12, layers: layers)
      try check(request.plan(), request)
    }
  }

  @Test func whatImagesShareIsStoredOnce() throws {
    let request = try fleet(3, images: 10, layers: 64)
    #expect(try request.plan().registryBytes == request.union().totalSize)
    // With few layers, still far less than each image on its own.
    let few = try fleet(3, images: 10, layers: 8)
    let alone = try few.images.flatMap {
      try PlanningRequest($0.graph, maximumLayers: 8).plan(with: LargestFirst()).layers
    }
    let stored = Dictionary(alone.map { ($0.paths, $0.bytes) }, uniquingKeysWith: { $1 }).values.reduce(0, +)
    #expect(try few.plan().registryBytes < stored)
  }

  @Test func theOrderOfImagesDoesNotMatter() throws {
    let request = try fleet(4, images: 9, layers: 10)
    #expect(try FleetRequest(request.images.reversed()).plan() == request.plan())
  }

  @Test func anImageThatJoinsOrLeavesMovesNoLayerOfTheOthers() throws {
    let request = try fleet(5, images: 11, layers: 12)
    let before = try FleetRequest(Array(request.images.dropLast())).plan()
    let joined = try FleetRequest(request.images, previous: before).plan()
    try check(joined, request)
    let left = try FleetRequest(Array(request.images.dropFirst(2)), previous: joined).plan()
    for image in request.images.dropFirst(2).dropLast() {
      let layers = try [before, joined, left].map { Set(try #require($0.plan(of: image.name)).layers.map(\.paths)) }
      #expect(layers[0] == layers[1])
      #expect(layers[1] == layers[2])
    }
    // The newcomer uses layers that are there.
    let shared = Set(before.layers.map(\.paths))
    #expect(try #require(joined.plan(of: "image10")).layers.contains { shared.contains($0.paths) })
  }

  @Test func aChangedPathIsAllThatOthersFetch() throws {
    let request = try fleet(6, images: 8, layers: 16)
    let before = try request.plan()
    let changed = try request.images.map { image in
      FleetRequest.Image(
        name: image.name,
        graph: try StoreGraph(
          image.graph.nodes.map { $0.path == "/s/base3x-1" ? .init(path: "/s/base3x-2", size: $0.size) : $0 }),
        maximumLayers: image.maximumLayers)
    }
    let after = try FleetRequest(changed, previous: before).plan()
    let known = Set(before.layers.map(\.paths))
    for layer in after.layers where !known.contains(layer.paths) {
      #expect(
        layer.paths.contains("/s/base3x-2")
          || layer.paths.allSatisfy { path in
            before.layers.contains { $0.paths.contains("/s/base3x-1") && $0.paths.contains(path) }
          })
    }
  }

  @Test func imagesMayKnowDifferentReferencesOfOnePath() throws {
    let whole = try StoreGraph([.init(path: "/a", size: 1, references: ["/b"]), .init(path: "/b", size: 2)])
    let part = try StoreGraph([.init(path: "/a", size: 1, references: ["/b"])])
    let request = FleetRequest([
      .init(name: "whole", graph: whole, maximumLayers: 2), .init(name: "part", graph: part, maximumLayers: 2),
    ])
    #expect(try request.union() == whole)
    try check(request.plan(), request)
  }

  @Test func contradictionsAndImpossibleBudgetsAreErrors() throws {
    let one = FleetRequest.Image(name: "a", graph: try StoreGraph([.init(path: "/a", size: 1)]), maximumLayers: 1)
    var other = one
    #expect(throws: LayerGraphError.self) { try FleetRequest([one, other]).plan() }
    other.name = "b"
    other.maximumLayers = 0
    let budget = #expect(throws: LayerGraphError.self) { try FleetRequest([one, other]).plan() }
    #expect(budget?.code == .invalidBudget)
    other.maximumLayers = 1
    other.graph = try StoreGraph([.init(path: "/a", size: 2)])
    let sizes = #expect(throws: LayerGraphError.self) { try FleetRequest([one, other]).plan() }
    #expect(sizes?.code == .contradiction)
    #expect(try FleetRequest([]).plan() == FleetPlan(layers: [], images: [:]))
  }
}
