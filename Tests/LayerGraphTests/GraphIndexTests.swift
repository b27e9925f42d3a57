import Testing

@testable import LayerGraph

/// Graphs as numbers, against the plainest way to compute the same.
struct GraphIndexTests {
  private func reached(_ start: Int, _ lists: [[Int32]], without removed: Int? = nil) -> Set<Int> {
    var seen: Set<Int> = []
    var open = [start]
    while let node = open.popLast() {
      guard node != removed, seen.insert(node).inserted else { continue }
      open += lists[node].map(Int.init)
    }
    return seen
  }

  private func random(_ seed: UInt64, isCyclic: Bool) -> [[Int32]] {
    var random = RandomImages(seed: seed)
    let count = random.number(1...40)
    return (0..<count).map { node in
      Set((0..<random.number(0...3)).map { _ in Int32(random.number(0...max(0, isCyclic ? count - 1 : node - 1))) })
        .filter { isCyclic || Int($0) < node }.sorted()
    }
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>, [false, true])
  func closuresAreThoseOfAPlainWalk(seed: UInt64, isCyclic: Bool) {
    let lists = random(seed, isCyclic: isCyclic)
    let index = GraphIndex(lists)
    let closures = lists.indices.map { reached($0, lists) }
    #expect(index.closureCounts() == closures.map(\.count))
    #expect(index.dependentCounts() == lists.indices.map { node in closures.count { $0.contains(node) } })
    let sizes = lists.indices.map { Int64($0 * $0 + 1) }
    #expect(index.closureSums(sizes) == closures.map { $0.reduce(0) { $0 + sizes[$1] } })
    for node in lists.indices {
      #expect(Set(index.closure(of: [node])) == closures[node])
      for other in lists.indices {
        let isOne = closures[node].contains(other) && closures[other].contains(node)
        #expect((index.component[node] == index.component[other]) == (isOne || node == other))
      }
    }
    // References come before what refers to them, outside of cycles.
    var place = [Int](repeating: 0, count: lists.count)
    for (position, node) in index.order.enumerated() { place[Int(node)] = position }
    for node in lists.indices {
      for target in lists[node] where index.component[Int(target)] != index.component[node] {
        #expect(place[Int(target)] < place[node])
      }
    }
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>) func dominatorsCutOffWhatTheyDominate(seed: UInt64) {
    let lists = random(seed, isCyclic: false)
    let index = GraphIndex(lists)
    let tops = lists.indices.filter { node in !lists.joined().contains(Int32(node)) }
    // Every node is a component of its own; `part` translates.
    let part = index.component.map(Int.init)
    let dominator = index.dominators(from: tops.map { part[$0] })
    func isReachable(_ node: Int, without removed: Int?) -> Bool {
      tops.contains { reached($0, lists, without: removed).contains(node) }
    }
    for node in lists.indices {
      var dominating: Set<Int> = []
      var next = dominator[part[node]]
      while let above = next, above >= 0 {
        dominating.insert(above)
        next = dominator[above]
      }
      for other in lists.indices where other != node {
        #expect(dominating.contains(part[other]) == !isReachable(node, without: other))
      }
    }
  }

  @Test func aCycleIsFoundAndShown() throws {
    let graph = try StoreGraph([
      .init(path: "/top", size: 1, references: ["/a"]), .init(path: "/a", size: 1, references: ["/b", "/leaf"]),
      .init(path: "/b", size: 1, references: ["/c"]), .init(path: "/c", size: 1, references: ["/a"]),
      .init(path: "/leaf", size: 1),
    ])
    #expect(graph.cycle == ["/a", "/b", "/c"])
    #expect(try StoreGraph(graph.nodes.filter { $0.path != "/c" }).cycle == nil)
  }

  @Test func theExponentialIsThatOfMathematics() {
    for (exponent, value) in [
      (0.0, 1.0), (1, 2.718281828459045), (-1, 0.36787944117144233), (-0.1, 0.9048374180359595),
      (10, 22026.465794806718),
      (-20, 2.061153622438558e-9), (0.5, 1.6487212707001282), (-0.34657359, 0.7071067812),
    ] {
      #expect(abs(exponential(exponent) / value - 1) < (exponent == -0.34657359 ? 1e-8 : 4e-16))
    }
    #expect(exponential(-1000) == 0 && exponential(1000) == .infinity)
  }

  @Test func aGraphAnswersByPath() throws {
    let graph = try StoreGraph([
      .init(path: "/app", size: 1, references: ["/lib", "/libc"]), .init(path: "/lib", size: 10, references: ["/libc"]),
      .init(path: "/libc", size: 100), .init(path: "/tool", size: 1000, references: ["/libc"]),
    ])
    #expect(graph.closure(of: ["/lib", "/absent"]) == ["/lib", "/libc"])
    #expect(graph.dependents(of: ["/lib"]) == ["/app", "/lib"])
    #expect(graph.closureSizes() == [111, 110, 100, 1100])
    #expect(graph.dominators() == [nil, "/app", nil, nil])
    #expect(graph.dominators(from: ["/app"]) == [nil, "/app", "/app", nil])
  }

  @Test func moreThanOneRoundOfSetsIsSummedUp() {
    // 2,000 nodes, each referring to the one before.
    let index = GraphIndex((0..<2000).map { $0 == 0 ? [] : [Int32($0 - 1)] })
    #expect(index.closureCounts() == Array(1...2000))
    #expect(index.dependentCounts() == Array((1...2000).reversed()))
    #expect(index.closureSums([Int64](repeating: 3, count: 2000)) == (1...2000).map { Int64(3 * $0) })
  }

  @Test func aDeepGraphNeedsNoDeepStack() {
    let index = GraphIndex((0..<200_000).map { $0 == 0 ? [] : [Int32($0 - 1)] })
    #expect(index.order.first == 0 && index.componentCount == 200_000)
  }

  @Test(arguments: [
    ("/nix/store/0b9s7gmc1c2y0yzhbcz3hrv21mq3a1wk-gcc-13.2.0-lib", "gcc-lib", "gcc"),
    ("/nix/store/0b9s7gmc1c2y0yzhbcz3hrv21mq3a1wk-aws-c-common-0.9.10-hd590300_0", "aws-c-common", "aws-c-common"),
    ("/nix/store/0b9s7gmc1c2y0yzhbcz3hrv21mq3a1wk-source", "source", "source"),
    ("/nix/store/0b9s7gmc1c2y0yzhbcz3hrv21mq3a1wk-7zip-24.01", "7zip", "7zip"),
    ("plain", "plain", "plain"), ("/", "", ""), ("", "", ""),
  ])
  func namesLoseHashAndVersion(path: String, text: String, origin: String) {
    #expect(StorePathName(path).text == text)
    #expect(StorePathName(path).origin == origin)
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>) func theLowerBoundIsTheBestDivisionIntoRuns(seed: UInt64) {
    var random = RandomImages(seed: seed)
    let count = random.number(1...8)
    let sizes = (0..<count).map { _ in Double(random.number(0...20)) }
    let chances = (0..<count).map { _ in random.share() }
    let order = (0..<count).sorted { chances[$0] > chances[$1] }
    for layers in 1...4 {
      // Every way to cut the order.
      var best = Double.infinity
      for cuts in 0..<(1 << (count - 1)) where cuts.nonzeroBitCount < layers {
        var cost = 0.0
        var top = 0.0
        for (position, item) in order.enumerated() {
          if position == 0 || cuts & (1 << (position - 1)) != 0 { top = chances[item] }
          cost += sizes[item] * top
        }
        best = min(best, cost)
      }
      let bound = LowerBound.expectedBytes(sizes: sizes, chances: chances, layers: layers)
      #expect(abs(bound - best) < 1e-9)
    }
  }
}
