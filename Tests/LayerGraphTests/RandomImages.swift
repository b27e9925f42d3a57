import LayerGraph

/// Graphs and histories from a seed, for properties.
struct RandomImages {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  mutating func share() -> Double { Double(next() >> 11) * 0x1p-53 }

  mutating func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(next() % UInt64(range.count)) }

  /// A graph with few different sizes, some of them zero, and now and then a cycle.
  mutating func graph(_ counts: ClosedRange<Int>) throws -> StoreGraph {
    let count = number(counts)
    var nodes = (0..<count).map { index in
      StoreGraph.Node(
        path: "/store/p\(index)x-1.0", size: Int64(number(0...6)) * 1000,
        references: (0..<index).filter { _ in number(0...4) == 0 }.map { "/store/p\($0)x-1.0" })
    }
    if count > 3, number(0...4) == 0 { nodes[0].references.append(nodes[count - 1].path) }
    return try StoreGraph(nodes)
  }

  /// Versions of one image as a Nix store has them: what refers to a changed path changes with it.
  mutating func versions(paths count: Int, versions: Int, rate: Double = 0.08) throws -> [ImageVersion] {
    let references = (0..<count).map { index in
      Set((0..<number(0...3)).map { _ in index == 0 ? 0 : number(0...index - 1) }).filter { $0 != index }.sorted()
    }
    let sizes = (0..<count).map { _ in Int64(1000 + share() * share() * share() * 20_000_000) }
    let rates = (0..<count).map { _ in share() * share() * 3 * rate }
    var generation = [Int](repeating: 0, count: count)
    var isThere = [Bool](repeating: true, count: count)
    var result: [ImageVersion] = []
    for version in 0..<versions {
      for index in 0..<count where version > 0 {
        if share() < rates[index] || references[index].contains(where: { generation[$0] == version }) {
          generation[index] = version
        }
        // What nothing refers to comes and goes.
        if share() < 0.01, !references.joined().contains(index) { isThere[index].toggle() }
      }
      func path(_ index: Int) -> String { "/store/p\(index)x-1.\(generation[index])" }
      result.append(
        ImageVersion(
          time: Int64(version) * 86400,
          graph: try StoreGraph(
            (0..<count).filter { isThere[$0] }.map { index in
              StoreGraph.Node(
                path: path(index), size: sizes[index],
                references: references[index].filter { isThere[$0] }.map(path))
            })))
    }
    return result
  }
}
