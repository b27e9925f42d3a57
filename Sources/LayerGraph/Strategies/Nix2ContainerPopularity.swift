/// nix2container's division: the most popular paths alone, the rest together.
///
/// The popularity of a path is the number of distinct chains of references that end at it. Ties go to the path met
/// later when paths and their references are walked in order, which follows the hashes.
public struct Nix2ContainerPopularity: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "nix2container" }

  /// Creates the strategy; it has no settings.
  public init() {}

  /// Divides the paths by popularity.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let index = GraphIndex(request.graph)
    var popularity = [Double](repeating: 1, count: index.componentCount)
    for node in index.order.reversed() {
      for reference in index.references[Int(node)] where index.component[Int(reference)] != index.component[Int(node)] {
        popularity[Int(index.component[Int(reference)])] += popularity[Int(index.component[Int(node)])]
      }
    }
    var met = [Int](repeating: -1, count: index.count)
    var next = 0
    for node in 0..<index.count {
      for seen in [Int32(node)] + index.references[node] where met[Int(seen)] < 0 {
        met[Int(seen)] = next
        next += 1
      }
    }
    let order = (0..<index.count).sorted {
      let (left, right) = (popularity[Int(index.component[$0])], popularity[Int(index.component[$1])])
      return left != right ? left > right : met[$0] > met[$1]
    }
    return request.plan(headsOf: order) { "number \($0 + 1) by popularity" }
  }
}
