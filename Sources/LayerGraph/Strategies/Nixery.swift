/// Nixery's division: subtrees of the dominator tree, the least popular and smallest merged.
///
/// Nixery reads popularity from a file counted over all of nixpkgs; here it is the number of paths of the closure that
/// refer to a path.
public struct Nixery: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "nixery" }

  /// Paths whose closure has more bytes are candidates for a layer of their own.
  static let largeClosure: Int64 = 100_000_000
  /// Paths that are referred to so often are, too.
  static let highPopularity = 100

  /// Creates the strategy; it has no settings.
  public init() {}

  /// Divides the paths by what dominates them.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let graph = request.graph
    let index = GraphIndex(graph)
    let closureBytes = index.closureSums(graph.nodes.map(\.size))
    let popularity = (0..<index.count).map { max(1, index.dependents[$0].count) }
    var tops: Set<Int> = []
    let areTops = index.areTops()
    for node in 0..<index.count {
      let part = Int(index.component[node])
      if areTops[part] || closureBytes[node] > Self.largeClosure || popularity[node] >= Self.highPopularity {
        tops.insert(part)
      }
    }
    let dominator = index.dominators(from: tops)
    // The child of the top below which each component stands.
    var subtree = [Int](repeating: -1, count: index.componentCount)
    for part in (0..<index.componentCount).reversed() {
      subtree[part] = dominator[part].map { $0 < 0 ? part : subtree[$0] } ?? part
    }
    var candidates = Dictionary(grouping: 0..<index.count, by: { subtree[Int(index.component[$0])] }).map {
      root, members in
      let head = members.first { Int(index.component[$0]) == root } ?? members[0]
      return Candidate(
        members: members, rating: Double(popularity[head]) * members.reduce(0) { $0 + Double(closureBytes[$1]) },
        reason: "\(StorePathName(graph.nodes[head].path).text) and what it dominates")
    }.sorted { ($0.rating, $0.members[0]) < ($1.rating, $1.members[0]) }
    while candidates.count > request.maximumLayers {
      let (first, second) = (candidates[0], candidates[1])
      candidates[1] = Candidate(
        members: first.members + second.members, rating: first.rating + second.rating, reason: "the least popular")
      candidates.removeFirst()
    }
    return LayerPlan(
      layers: candidates.reversed().map { .init($0.members.map { graph.nodes[$0] }, reason: $0.reason) })
  }

  private struct Candidate {
    var members: [Int]
    var rating: Double
    var reason: String
  }
}
