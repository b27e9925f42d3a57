import LayerGraph
import Testing

/// What our own planner promises: layers stay, dead bytes are bounded and hidden, and little is sent.
struct LeastBytesTests {
  /// Plans all versions one after the other.
  private func plans(
    _ versions: [ImageVersion], layers: Int, deadShare: Double
  ) throws -> [(version: ImageVersion, plan: LayerPlan)] {
    var history = ChangeHistory()
    var result: [(ImageVersion, LayerPlan)] = []
    for version in versions {
      history.record(version.graph)
      var request = try PlanningRequest(version.graph, maximumLayers: layers)
      request.previous = result.last?.1
      request.history = history
      request.deadShare = deadShare
      result.append((version, try request.plan(with: LeastBytes())))
    }
    return result
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>) func layersHideExactlyWhatTheImageNoLongerHas(seed: UInt64) throws {
    var random = RandomImages(seed: seed)
    let versions = try random.versions(paths: 50, versions: 18)
    for (version, plan) in try plans(versions, layers: 8, deadShare: 0.1) {
      let image = version.graph.nodes.map(\.path)
      // Everything in the layers, less what is hidden, is the image: each path once.
      let all = plan.layers.flatMap(\.members)
      #expect(Set(all).subtracting(plan.whiteouts) == Set(image))
      #expect(plan.layers.flatMap(\.paths).sorted() == image.sorted())
      #expect(Set(plan.whiteouts).isDisjoint(with: image))
      let dead = plan.layers.reduce(0) { $0 + $1.bytes } - version.graph.totalSize
      #expect(dead >= 0 && Double(dead) <= 0.1 * Double(version.graph.totalSize))
      #expect(plan.layers.count <= 8)
    }
  }

  @Test(arguments: 1...2 as ClosedRange<UInt64>) func aLayerThatIsKeptIsByteForByteTheSame(seed: UInt64) throws {
    var random = RandomImages(seed: seed &+ 100)
    let versions = try random.versions(paths: 40, versions: 12)
    for share in [0, 0.1] {
      let plans = try plans(versions, layers: 10, deadShare: share)
      for (old, new) in zip(plans, plans.dropFirst()) {
        let known = Dictionary(grouping: old.plan.layers, by: \.members)
        for layer in new.plan.layers where layer.reason.hasPrefix("kept") {
          #expect(known[layer.members]?.first?.bytes == layer.bytes)
        }
        if share == 0 { #expect(new.plan.layers.allSatisfy { $0.dead.isEmpty }) }
      }
    }
  }

  @Test func anImageThatDoesNotChangeKeepsEveryLayerInItsPlace() throws {
    var random = RandomImages(seed: 9)
    let versions = try random.versions(paths: 40, versions: 8)
    let last = try #require(versions.last)
    for share in [0, 0.2] {
      let plans = try plans(versions + [last, last], layers: 7, deadShare: share).suffix(2).map(\.plan)
      #expect(plans[0].layers.map(\.members) == plans[1].layers.map(\.members))
    }
  }

  @Test func aPathMoreLeavesTheOtherLayersAlone() throws {
    var random = RandomImages(seed: 11)
    let versions = try random.versions(paths: 40, versions: 8)
    let plans = try plans(versions, layers: 12, deadShare: 0)
    let (version, plan) = try #require(plans.last)
    var request = try PlanningRequest(
      StoreGraph(version.graph.nodes + [.init(path: "/store/new-1.0", size: 5000)]), maximumLayers: 12)
    request.previous = plan
    let next = try request.plan(with: LeastBytes())
    let kept = Set(next.layers.map(\.members)).intersection(plan.layers.map(\.members))
    // One layer at most has to make room.
    #expect(kept.count >= plan.layers.count - 1)
  }

  @Test func withoutAnyStateAChangedSizeMovesOnePath() throws {
    let nodes = (0..<50).map { index -> StoreGraph.Node in
      let references = index % 7 == 0 ? [] : ["/s/p\(index - 1)x-1"]
      return StoreGraph.Node(path: "/s/p\(index)x-1", size: Int64(1000 * (index + 1)), references: references)
    }
    var changed = nodes
    changed[20].size += 1
    let plans = try [nodes, changed].map {
      try PlanningRequest(StoreGraph($0), maximumLayers: 10).plan(with: LeastBytes()).layers.map(\.paths)
    }
    #expect(plans[0] == plans[1])
  }

  @Test func whatComesBackWhileItIsDeadIsNotSentAgain() throws {
    let old = try StoreGraph((0..<10).map { .init(path: "/s/p\($0)x-1", size: $0 == 0 ? 40 : 1000) })
    let without = try StoreGraph(old.nodes.dropFirst())
    let plans = try plans(
      [old, without, old].map { ImageVersion(time: 0, graph: $0) }, layers: 2, deadShare: 0.1
    ).map { $0.plan }
    #expect(plans[1].whiteouts == ["/s/p0x-1"])
    #expect(plans[2].whiteouts.isEmpty)
    #expect(Set(plans[2].layers.map(\.members)) == Set(plans[1].layers.map(\.members)))
  }

  @Test func aPlanWithoutSizesIsNeverKeptWithDeadPaths() throws {
    let graph = try StoreGraph([.init(path: "/s/a", size: 10), .init(path: "/s/b", size: 1000)])
    var request = try PlanningRequest(graph, maximumLayers: 3)
    request.deadShare = 0.5
    request.previous = LayerPlan(layers: [
      .init(paths: ["/s/a", "/s/gone"], bytes: 0, reason: ""), .init(paths: ["/s/b"], bytes: 0, reason: ""),
    ])
    let plan = try request.plan(with: LeastBytes())
    #expect(plan.whiteouts.isEmpty)
    #expect(plan.layers.contains { $0.paths == ["/s/b"] && $0.bytes == 1000 })
  }

  @Test func departedPathsWithoutBytesDoNoHarm() throws {
    let graph = try StoreGraph((0..<6).map { .init(path: "/s/p\($0)x-1", size: 100) })
    var request = try PlanningRequest(graph, maximumLayers: 3)
    request.deadShare = 0.1
    request.previous = LayerPlan(layers: [
      .init(paths: ["/s/p0x-1", "/s/p1x-1"], dead: ["/s/empty-1"], bytes: 200, reason: ""),
      .init(paths: ["/s/p2x-1"], dead: [], bytes: 100, reason: ""),
    ])
    for _ in 0..<3 { request.history.record(graph) }
    let plan = try request.plan(with: LeastBytes())
    let explanation = try PlanExplanation(try #require(request.previous), for: request)
    #expect(plan.layers.count <= 3 && explanation.layers.count == 2)
  }

  /// All divisions of so many paths into so many groups.
  private func divisions(_ count: Int, _ limit: Int, _ body: ([[Int]]) throws -> Void) rethrows {
    var groups: [[Int]] = []
    func place(_ item: Int) throws {
      if item == count { return try body(groups) }
      for index in groups.indices {
        groups[index].append(item)
        try place(item + 1)
        groups[index].removeLast()
      }
      if groups.count < limit {
        groups.append([item])
        try place(item + 1)
        groups.removeLast()
      }
    }
    try place(0)
  }

  @Test func smallImagesAreDividedNearlyAsWellAsCanBe() throws {
    var gaps: [Double] = []
    for seed in 1...60 as ClosedRange<UInt64> {
      var random = RandomImages(seed: seed)
      let versions = try random.versions(paths: random.number(4...7), versions: 12, rate: 0.2)
      let last = try #require(versions.last)
      var history = ChangeHistory()
      for version in versions { history.record(version.graph) }
      var request = try PlanningRequest(last.graph, maximumLayers: random.number(2...4))
      request.history = history
      let nodes = last.graph.nodes
      let ours = try PlanExplanation(request.plan(with: LeastBytes()), for: request)
      var best = Double.infinity
      try divisions(nodes.count, request.maximumLayers) { groups in
        let plan = LayerPlan(layers: groups.map { .init($0.map { nodes[$0] }, reason: "tried") })
        best = min(best, try PlanExplanation(plan, for: request).expectedBytes)
      }
      #expect(ours.lowerBound <= best * 1.000001)
      gaps.append(best == 0 ? 0 : ours.expectedBytes / best - 1)
    }
    #expect(gaps.reduce(0, +) / Double(gaps.count) < 0.01)
    #expect((gaps.max() ?? 0) < 0.15)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>) func moreLayersNeverCostMore(seed: UInt64) throws {
    var random = RandomImages(seed: seed &+ 50)
    let versions = try random.versions(paths: 40, versions: 15)
    let last = try #require(versions.last)
    var history = ChangeHistory()
    for version in versions { history.record(version.graph) }
    var before = Double.infinity
    for budget in [1, 2, 4, 8, 16, 32, 64] {
      var request = try PlanningRequest(last.graph, maximumLayers: budget)
      request.history = history
      let cost = try PlanExplanation(request.plan(with: LeastBytes()), for: request).expectedBytes
      #expect(cost <= before * 1.001)
      before = cost
    }
  }

  @Test(arguments: [8, 16]) func lessIsPulledThanWithAnyKnownStrategy(budget: Int) throws {
    var random = RandomImages(seed: 77)
    let replay = try Replay(try random.versions(paths: 90, versions: 22, rate: 0.03), warmUp: 6)
    let known = try Portfolio(
      replay, maximumLayers: budget,
      strategies: PlanningStrategies.all.filter { $0.name != "least-bytes" && $0.name != "strata" })
    let best = try #require(known.reports.first)
    let strict = try replay.run(LeastBytes(), maximumLayers: budget)
    let retained = try replay.run(LeastBytes(), maximumLayers: budget, deadShare: 0.1)
    #expect(strict.waste < best.waste)
    #expect(retained.waste < 0.6 * best.waste)
    #expect(retained.mostDeadShare <= 0.1)
    let chain = try #require(known.reports.map(\.chainShare.mean).min())
    #expect(strict.chainShare.mean < chain)
  }
}
