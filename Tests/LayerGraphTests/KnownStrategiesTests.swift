import LayerGraph
import Testing

/// Known strategies against examples worked by hand, and against what their origin shows.
struct KnownStrategiesTests {
  private func graph(_ nodes: [(String, Int64, [String])]) throws -> StoreGraph {
    try StoreGraph(nodes.map { .init(path: $0.0, size: $0.1, references: $0.2) })
  }

  private func plan(
    _ strategy: some PlanningStrategy, _ graph: StoreGraph, _ layers: Int, history: ChangeHistory = .init(),
    previous: LayerPlan? = nil
  ) throws -> [[String]] {
    var request = try PlanningRequest(graph, maximumLayers: layers)
    request.history = history
    request.previous = previous
    return try request.plan(with: strategy).layers.map(\.paths)
  }

  /// The example that nix2container and nixpkgs both have.
  private func example() throws -> StoreGraph {
    try graph([
      ("/A", 1, ["/B", "/G"]), ("/B", 1, ["/C"]), ("/C", 1, ["/D"]), ("/D", 1, ["/E", "/F"]), ("/E", 1, ["/F"]),
      ("/F", 1, []), ("/G", 1, ["/F"]),
    ])
  }

  @Test func nix2containerCountsChainsAndPrefersWhatIsMetLater() throws {
    #expect(
      try plan(Nix2ContainerPopularity(), example(), 7) == [["/F"], ["/E"], ["/D"], ["/C"], ["/G"], ["/B"], ["/A"]])
    #expect(try plan(Nix2ContainerPopularity(), example(), 3) == [["/F"], ["/E"], ["/A", "/B", "/C", "/D", "/G"]])
  }

  @Test func theContestFavoursWhatIsDeepAndPopular() throws {
    // Points: F 9, E 5, D 4, C 3, B 2, G 2, A 1; ties by name.
    #expect(try plan(PopularityContest(), example(), 7) == [["/F"], ["/E"], ["/D"], ["/C"], ["/B"], ["/G"], ["/A"]])
  }

  @Test func tiesInTheContestGoByNameNotByHash() throws {
    let a = "/nix/store/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-a"
    let b = "/nix/store/00000000000000000000000000000000-b"
    #expect(try plan(PopularityContest(), graph([(a, 1, []), (b, 1, [])]), 2) == [[a], [b]])
  }

  private func application() throws -> StoreGraph {
    try graph([
      ("/root", 1, ["/app", "/tool"]), ("/app", 100, ["/lib"]), ("/lib", 10, ["/libc"]), ("/tool", 50, ["/libc"]),
      ("/libc", 5, []),
    ])
  }

  @Test func autoLayerGroupsByThePrimariesThatNeedAPath() throws {
    #expect(try plan(AutoLayer(), application(), 4) == [["/libc"], ["/tool"], ["/app", "/lib"], ["/root"]])
    // One primary more would make four layers, so it is left out.
    #expect(try plan(AutoLayer(), application(), 3) == [["/app", "/lib", "/libc"], ["/root", "/tool"]])
  }

  @Test func nixeryGroupsByDominator() throws {
    let two = try graph([
      ("/app", 100, ["/lib", "/libc"]), ("/lib", 10, ["/libc"]), ("/tool", 50, ["/libc"]), ("/libc", 5, []),
    ])
    // Ratings: app 1 * (115 + 15), tool 1 * 55, libc 3 * 5.
    #expect(try plan(Nixery(), two, 5) == [["/app", "/lib"], ["/tool"], ["/libc"]])
    #expect(try plan(Nixery(), two, 2) == [["/app", "/lib"], ["/libc", "/tool"]])
    // What has a large closure gets a subtree of its own.
    let large = try graph([("/app", 1, ["/data"]), ("/data", 200_000_000, [])])
    #expect(try plan(Nixery(), large, 5).count == 2)
  }

  @Test func apkoKeepsOutputsOfOneSourceTogether() throws {
    let nodes = try graph([
      ("/s/gcc-13.2.0", 50, []), ("/s/gcc-13.2.0-lib", 30, []), ("/s/bash-5.2", 60, []), ("/s/zlib-1.3", 1, []),
    ])
    #expect(
      try plan(ApkoOrigin(), nodes, 2) == [["/s/gcc-13.2.0", "/s/gcc-13.2.0-lib"], ["/s/bash-5.2", "/s/zlib-1.3"]])
  }

  @Test func chunkahKeepsWhatIsUnusuallyLargeAlone() throws {
    let nodes = try graph((0..<30).map { ("/s/p\($0)x-1", $0 == 7 ? 10_000 : 100 + Int64($0), []) })
    let layers = try plan(Chunkah(), nodes, 8)
    #expect(layers.count == 8)
    #expect(layers.contains(["/s/p7x-1"]))
  }

  /// Six paths, of which 0, 1 and 2 change in even versions and 3, 4 and 5 in odd ones.
  private func rhythm() throws -> (ChangeHistory, StoreGraph) {
    var history = ChangeHistory()
    var last = try StoreGraph([])
    for version in 0..<12 {
      last = try StoreGraph(
        (0..<6).map { index in
          .init(
            path: "/s/p\(index)x-1.\(index < 3 ? version / 2 : (version + 1) / 2)",
            size: index == 0 ? 1_200_000 : index == 3 ? 1_100_000 : 300_000)
        })
      history.record(last)
    }
    return (history, last)
  }

  @Test func rechunkGroupsWhatChangedInTheSameVersions() throws {
    let (history, graph) = try rhythm()
    let layers = try plan(Rechunk(isSticky: false), graph, 2, history: history)
    #expect(
      Set(layers.map { Set($0.map { $0.prefix(6) }) }) == [
        ["/s/p0x", "/s/p1x", "/s/p2x"], ["/s/p3x", "/s/p4x", "/s/p5x"],
      ])
  }

  @Test func rechunkStickyKeepsPathsInTheirLayerByName() throws {
    let (history, graph) = try rhythm()
    let previous = LayerPlan(layers: [
      .init(paths: ["/s/p0x-1.0", "/s/p3x-1.0"], bytes: 2, reason: ""),
      .init(paths: ["/s/p1x-1.0", "/s/p2x-1.0", "/s/p4x-1.0"], bytes: 3, reason: ""),
    ])
    let layers = try plan(Rechunk(isSticky: true), graph, 2, history: history, previous: previous)
    #expect(Set(layers[0].map { $0.prefix(6) }).isSuperset(of: ["/s/p0x", "/s/p3x"]))
    #expect(Set(layers[1].map { $0.prefix(6) }).isSuperset(of: ["/s/p1x", "/s/p2x", "/s/p4x"]))
  }

  @Test func ourOwnFindsTheRhythmToo() throws {
    let (history, graph) = try rhythm()
    let layers = try plan(LeastBytes(), graph, 2, history: history)
    #expect(
      Set(layers.map { Set($0.map { $0.prefix(6) }) }) == [
        ["/s/p0x", "/s/p1x", "/s/p2x"], ["/s/p3x", "/s/p4x", "/s/p5x"],
      ])
  }

  @Test func strataGroupsSmallPathsByTheSizeOfTheirClosure() throws {
    // A chain: p0 needs one path, p299 needs three hundred. The twelve largest are alone.
    let nodes = try graph(
      (0..<300).map { ("/s/p\($0)x-1", $0 % 25 == 7 ? 1000 : 1, $0 == 0 ? [] : ["/s/p\($0 - 1)x-1"]) })
    let layers = try plan(Strata(), nodes, 16)
    #expect(layers.count == 16)
    let closures = layers.map { paths in paths.compactMap { Int($0.dropFirst(4).prefix { $0 != "x" }) }.map { $0 + 1 } }
    let tiers = closures.filter { $0.count > 1 }
    #expect(tiers.map { $0.min() } == [1, 4, 16, 64])
    #expect(tiers.map { $0.max() } == [3, 15, 63, 300])
    #expect(closures.first?.min() == 1)
  }
}
