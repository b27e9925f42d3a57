extension PlanningProblem {
  /// The layers of a choice, in the order in which stores that lose all above the first missing layer lose least.
  func plan(_ choice: Choice) -> LayerPlan {
    let turnover = outlook(choice).turnover
    var layers: [Ordered] = []
    for (index, candidate) in candidates.enumerated() where !choice.rewritten.contains(index) {
      let layer = LayerPlan.Layer(
        paths: candidate.live.map { request.graph.nodes[$0].path }.sorted(by: byteOrder),
        dead: candidate.dead, bytes: candidate.bytes, reason: Self.reason(kept: candidate))
      layers.append(ordered(layer, candidate.live, turnover[layers.count], place: candidate.place))
    }
    let rewritten = choice.rewritten.reduce(into: Set<Int>()) { $0.formUnion(candidates[$1].live) }
    for group in choice.groups {
      let layer = LayerPlan.Layer(group.map { request.graph.nodes[$0] }, reason: reason(new: group, rewritten))
      layers.append(ordered(layer, group, turnover[layers.count], place: nil))
    }
    // Layers at the bottom that are where they were stay there: whoever has them has all below them too.
    var prefix: [LayerPlan.Layer] = []
    while let next = layers.firstIndex(where: { $0.place == prefix.count }) {
      prefix.append(layers.remove(at: next).layer)
    }
    layers.sort { $0.key != $1.key ? $0.key < $1.key : byteOrder($0.layer.paths[0], $1.layer.paths[0]) }
    return LayerPlan(layers: prefix + layers.map(\.layer))
  }

  private struct Ordered {
    var layer: LayerPlan.Layer
    /// Its place in the previous plan, if it was there.
    var place: Int?
    /// What goes rarely, and what is large, belongs at the bottom: p / ((1 - p) * bytes), ascending.
    var key: Double
  }

  private func ordered(_ layer: LayerPlan.Layer, _ items: [Int], _ turnover: Double, place: Int?) -> Ordered {
    // The simulation sees what small chances there are poorly, so the model has a share in it.
    let chance = min(max(0.7 * turnover + 0.3 * model.probability(of: items), 1e-9), 1 - 1e-9)
    return Ordered(layer: layer, place: place, key: chance / (1 - chance) / max(1, Double(layer.bytes)))
  }

  private static func reason(kept candidate: Candidate) -> String {
    switch candidate.dead.count {
    case 0: "kept: nothing in it changed"
    case 1: "kept: the rest of it is still right, 1 path departed"
    default: "kept: the rest of it is still right, \(candidate.dead.count) paths departed"
    }
  }

  private func reason(new group: [Int], _ rewritten: Set<Int>) -> String {
    let again = group.count(where: rewritten.contains)
    let names = group.sorted { (sizes[$0], $1) > (sizes[$1], $0) }.prefix(2).map {
      StorePathName(request.graph.nodes[$0].path).text
    }
    let what =
      group.count == 1
      ? "\(names[0]) alone"
      : "\(names.joined(separator: ", "))\(group.count > 2 ? " and \(group.count - 2) more" : ""), likely to change together"
    return again == 0 ? "new: \(what)" : "new: \(what); \(again) of them written again to make room"
  }
}

extension ChangeModel {
  /// The chance that one of some items changes.
  func probability(of items: some Sequence<Int>) -> Double {
    var row = [UInt64](repeating: 0, count: words)
    var rate = 0.0
    for item in items {
      for word in 0..<words { row[word] |= rows[item * words + word] }
      rate += residual[item]
    }
    return probability(row, residual: rate)
  }
}
