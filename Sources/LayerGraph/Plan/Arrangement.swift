/// A request without what its constraints fix, and the way from a plan of that to a plan that respects them.
struct Arrangement {
  /// The layers of pinned groups.
  private(set) var pinned: [LayerPlan.Layer] = []
  /// What is left to plan; `nil` when nothing is.
  private(set) var request: PlanningRequest?
  private let original: PlanningRequest

  init(_ original: PlanningRequest) throws(LayerGraphError) {
    self.original = original
    let constraints = original.constraints
    guard constraints.baseLayers >= 0, constraints.minimumLayerBytes >= 0 else {
      throw LayerGraphError(.invalidBudget, "neither base layers nor the least bytes of a layer can be negative")
    }
    guard constraints != PlanningConstraints() else {
      request = original
      return
    }
    var nodes: [String: StoreGraph.Node] = [:]
    for node in original.graph.nodes where !constraints.ignored.contains(node.path) { nodes[node.path] = node }
    for group in constraints.pinned {
      // Paths of a group that this version does not have are no mistake: the group is written for many versions.
      let members = group.compactMap { nodes.removeValue(forKey: $0) }
      for path in group where !members.contains(where: { $0.path == path }) {
        guard !pinned.contains(where: { $0.paths.contains(path) }) else {
          throw LayerGraphError(.unsatisfiable, "'\(path)' is pinned to two groups; leave it in one")
        }
      }
      if !members.isEmpty { pinned.append(.init(members, reason: "pinned")) }
    }
    let free = original.maximumLayers - constraints.baseLayers - pinned.count
    guard free >= 0, free > 0 || nodes.isEmpty else {
      throw LayerGraphError(
        .invalidBudget,
        "\(original.maximumLayers) layers are too few: \(constraints.baseLayers) are the base image's, \(pinned.count) are pinned, "
          + "and \(nodes.count) paths need at least one more")
    }
    try requireNothingApart()
    guard !nodes.isEmpty else { return }
    var request = try original.with(StoreGraph(nodes.values), maximumLayers: free)
    let fixed = Set(pinned.flatMap(\.paths)).union(constraints.ignored)
    request.previous?.layers.removeAll { $0.members.contains(where: fixed.contains) }
    self.request = request
  }

  private func requireNothingApart() throws(LayerGraphError) {
    for layer in pinned {
      for group in original.constraints.apart {
        let both = layer.paths.filter(group.contains)
        guard both.count < 2 else {
          throw LayerGraphError(
            .unsatisfiable, "'\(both[0])' and '\(both[1])' are pinned to one layer and may not share one")
        }
      }
    }
  }

  /// Puts small layers together and parts what may not share a layer.
  func arranged(_ layers: [LayerPlan.Layer]) throws(LayerGraphError) -> [LayerPlan.Layer] {
    guard let request else { return layers }
    var layers = merged(layers)
    var sizes: [String: Int64] = [:]
    for node in request.graph.nodes { sizes[node.path] = node.size }
    for group in original.constraints.apart.map(Set.init) {
      while let index = layers.firstIndex(where: { $0.paths.count(where: group.contains) > 1 }) {
        // The largest stays where it is.
        let together = layers[index].paths.filter(group.contains).sorted { (sizes[$0] ?? 0, $1) > (sizes[$1] ?? 0, $0) }
        for path in together.dropFirst() {
          try move(path, size: sizes[path] ?? 0, from: index, in: &layers, limit: request.maximumLayers)
        }
      }
    }
    return layers
  }

  private func move(
    _ path: String, size: Int64, from index: Int, in layers: inout [LayerPlan.Layer], limit: Int
  ) throws(LayerGraphError) {
    layers[index].paths.removeAll { $0 == path }
    layers[index].bytes -= size
    layers[index].reason += "; '\(StorePathName(path).text)' may not share it"
    if layers.count < limit {
      layers.append(.init(paths: [path], bytes: size, reason: "may not share a layer"))
      return
    }
    let others = layers.indices.filter { other in
      other != index
        && original.constraints.apart.allSatisfy { group in
          !group.contains(path) || !layers[other].members.contains(where: group.contains)
        }
    }
    // Layers that no store has yet before those that would have to be sent again.
    let target = others.min {
      (isKnown(layers[$0]) ? 1 : 0, layers[$0].bytes) < (isKnown(layers[$1]) ? 1 : 0, layers[$1].bytes)
    }
    guard let target else {
      throw LayerGraphError(
        .unsatisfiable,
        "\(limit) layers are too few to keep '\(path)' apart from all that it may not share a layer with")
    }
    layers[target].paths = (layers[target].paths + [path]).sorted(by: byteOrder)
    layers[target].bytes += size
  }

  /// Puts layers below the least size together, the two smallest first.
  private func merged(_ layers: [LayerPlan.Layer]) -> [LayerPlan.Layer] {
    let least = original.constraints.minimumLayerBytes
    var layers = layers
    while least > 0 {
      let small = layers.indices.filter { layers[$0].dead.isEmpty && !isKnown(layers[$0]) }.sorted {
        (layers[$0].bytes, $0) < (layers[$1].bytes, $1)
      }
      guard small.count > 1, layers[small[0]].bytes < least else { break }
      let (low, high) = (min(small[0], small[1]), max(small[0], small[1]))
      layers[low].paths = (layers[low].paths + layers[high].paths).sorted(by: byteOrder)
      layers[low].bytes += layers[high].bytes
      layers[low].reason = "together, as each would be below \(least) bytes"
      layers.remove(at: high)
    }
    return layers
  }

  private func isKnown(_ layer: LayerPlan.Layer) -> Bool {
    request?.previous?.layers.contains { $0.members == layer.members } ?? false
  }
}
