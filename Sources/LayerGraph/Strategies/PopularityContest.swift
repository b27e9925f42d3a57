/// Graham Christensen's contest, nixpkgs' division until 2024: the most popular paths alone, the rest together.
///
/// Each path gives everything below it as many points as there are chains of references from the top to it, so what is
/// deep and often referred to wins. Ties are broken by name, the hash last, so a rebuild changes little. Takes time in
/// the square of the paths.
public struct PopularityContest: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "popularity-contest" }

  /// Creates the strategy; it has no settings.
  public init() {}

  /// Divides the paths by points.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let index = GraphIndex(request.graph)
    let order = index.contestOrder(request.graph)
    return request.plan(headsOf: order) { "number \($0 + 1) in the popularity contest" }
  }
}

extension GraphIndex {
  fileprivate func contestOrder(_ graph: StoreGraph) -> [Int] {
    // Chains from the top to each component; the top names what nothing else does.
    var chains = [Double](repeating: 0, count: componentCount)
    let areTops = areTops()
    var incoming = [[Int32]](repeating: [], count: componentCount)
    for node in order {
      for reference in references[Int(node)] where component[Int(reference)] != component[Int(node)] {
        incoming[Int(component[Int(reference)])].append(component[Int(node)])
      }
    }
    for part in (0..<componentCount).reversed() {
      if areTops[part] { chains[part] = 1 }
      for other in incoming[part] { chains[part] += chains[Int(other)] }
    }
    var points = [Double](repeating: 0, count: componentCount)
    var isCounted = [Int](repeating: -1, count: componentCount)
    for part in 0..<componentCount {
      var open = [Int32(part)]
      isCounted[part] = part
      while let next = open.popLast() {
        points[part] += chains[Int(next)]
        for other in incoming[Int(next)] where isCounted[Int(other)] != part {
          isCounted[Int(other)] = part
          open.append(other)
        }
      }
    }
    let keys = graph.nodes.map { StorePathName.hashLast($0.path) }
    return (0..<count).sorted {
      let (left, right) = (points[Int(component[$0])], points[Int(component[$1])])
      return left != right ? left > right : byteOrder(keys[$0], keys[$1])
    }
  }
}
