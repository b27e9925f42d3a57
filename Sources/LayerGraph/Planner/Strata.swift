/// A division without any state: the largest paths alone, the small ones in four tiers by the size of their closure.
///
/// Whatever a path needs may change it, so paths with small closures change less often than those with large ones. The
/// thresholds are fixed powers of four: nothing moves because something else changed.
public struct Strata: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "strata" }

  static let tierCount = 4

  /// Creates the strategy; it has no settings.
  public init() {}

  /// Divides the paths, the steadiest tier at the bottom.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let nodes = request.graph.nodes
    guard !nodes.isEmpty else { return LayerPlan(layers: []) }
    let closures = GraphIndex(request.graph).closureCounts()
    let bySize = nodes.indices.sorted { (nodes[$0].size, $1) > (nodes[$1].size, $0) }
    // Few layers are worth fewer tiers; with less, the upper ones share the last.
    let tiers = max(1, min(Self.tierCount, request.maximumLayers / 4))
    var alone = nodes.count <= request.maximumLayers ? nodes.count : request.maximumLayers - tiers
    var members = Self.tiers(bySize[alone...], closures, tiers)
    let empty = members.count(where: \.isEmpty)
    if alone < nodes.count, empty > 0 {
      // Layers that no tier needs hold one path more each.
      alone += empty
      members = Self.tiers(bySize[alone...], closures, tiers)
    }
    let singles = bySize[..<alone].sorted {
      // Closure size over bytes, without the division.
      let (left, right) = (Double(closures[$0]) * Double(nodes[$1].size), Double(closures[$1]) * Double(nodes[$0].size))
      return left != right ? left < right : $0 < $1
    }.map { LayerPlan.Layer([nodes[$0]], reason: "one of the largest \(alone)") }
    var layers = members.enumerated().map { tier, members in
      LayerPlan.Layer(members.map { nodes[$0] }, reason: Self.reason(tier, isLast: tier == tiers - 1))
    }
    layers.insert(contentsOf: singles, at: min(1, layers.count))
    return LayerPlan(layers: layers.filter { !$0.paths.isEmpty })
  }

  private static func tiers(_ nodes: ArraySlice<Int>, _ closures: [Int], _ count: Int) -> [[Int]] {
    var members = [[Int]](repeating: [], count: count)
    for node in nodes { members[min(tier(closures[node]), count - 1)].append(node) }
    return members
  }

  private static func tier(_ closure: Int) -> Int {
    min(3, (Int.bitWidth - 1 - max(1, closure).leadingZeroBitCount) / 2)
  }

  private static func reason(_ tier: Int, isLast: Bool) -> String {
    let bounds = [1, 4, 16, 64, 256]
    return isLast
      ? "small, and needing \(bounds[tier]) or more paths"
      : "small, and needing \(bounds[tier]) to \(bounds[tier + 1] - 1) paths"
  }
}
