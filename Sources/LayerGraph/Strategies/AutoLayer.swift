/// nixpkgs' division since 2024: paths that the same large paths need share a layer.
///
/// The largest paths are made *primaries*, one after the other. A path belongs to the primaries that need it and are
/// not above another of them; paths that belong to the same primaries share a layer. This ends before there would be
/// too many layers.
public struct AutoLayer: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "auto-layer" }

  /// Creates the strategy; it has no settings.
  public init() {}

  /// Divides the paths by the primaries that they belong to.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let graph = request.graph
    guard !graph.nodes.isEmpty else { return LayerPlan(layers: []) }
    let index = GraphIndex(graph)
    let bySize = graph.nodes.indices.sorted { (graph.nodes[$0].size, $0) > (graph.nodes[$1].size, $1) }
    var owners = [Set<Int>](repeating: [], count: index.count)
    for primary in bySize {
      let below = Set(index.closure(of: [primary])).subtracting([primary])
      let above = Set(index.dependents(of: [primary])).subtracting([primary])
      var next = owners
      next[primary] = [primary]
      for path in below {
        next[path].subtract(above)
        if next[path].isDisjoint(with: below) { next[path].insert(primary) }
      }
      if Set(next).count > request.maximumLayers { break }
      owners = next
    }
    var groups = Dictionary(grouping: graph.nodes.indices, by: { owners[$0] }).map { owners, members in
      let bytes = index.closure(of: members).reduce(Int64(0)) { $0 + graph.nodes[$1].size }
      return Group(owners: owners, members: members, closureBytes: bytes)
    }
    groups.sort { ($0.closureBytes, $0.members[0]) < ($1.closureBytes, $1.members[0]) }
    return LayerPlan(
      layers: groups.map { group in
        LayerPlan.Layer(
          group.members.map { graph.nodes[$0] }, reason: Self.reason(group.owners.sorted().map { graph.nodes[$0].path })
        )
      })
  }

  private struct Group {
    var owners: Set<Int>
    var members: [Int]
    var closureBytes: Int64
  }

  private static func reason(_ owners: [String]) -> String {
    switch owners.count {
    case 0: "what no large path needs"
    case 1: "\(StorePathName(owners[0]).text) and what it alone needs"
    default: "what \(StorePathName(owners[0]).text) and \(owners.count - 1) other large paths need"
    }
  }
}
