extension PlanningRequest {
  /// The first paths of an order alone, the rest together in the top layer.
  func plan(headsOf order: [Int], reason: (Int) -> String) -> LayerPlan {
    let alone = order.count <= maximumLayers ? order.count : maximumLayers - 1
    var layers = order[..<alone].enumerated().map { LayerPlan.Layer([graph.nodes[$1]], reason: reason($0)) }
    let rest = order[alone...]
    if !rest.isEmpty {
      let count = "\(rest.count) \(rest.count == 1 ? "path" : "paths")"
      layers.append(.init(rest.map { graph.nodes[$0] }, reason: "the rest, \(count)"))
    }
    return LayerPlan(layers: layers)
  }
}
