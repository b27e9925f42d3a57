import LayerGraph

/// A division that knows what no graph says: which packages come from one source, and which every system has.
///
/// The base system lies at the bottom, the largest sources alone above it, and what is left in one layer on top.
struct SourcePackages: PlanningStrategy {
  var name: String { "source-packages" }

  /// What is known of the packages, by their path in the graph. It may know packages that a request does not have.
  var packages: [String: DebianPackage]

  func plan(_ request: PlanningRequest) -> LayerPlan {
    var base: [StoreGraph.Node] = []
    var bySource: [String: [StoreGraph.Node]] = [:]
    for node in request.graph.nodes {
      let package = packages[node.path]
      if package?.priority == "required", request.maximumLayers > 1 {
        base.append(node)
      } else {
        bySource[package?.source ?? node.path, default: []].append(node)
      }
    }
    // By size, then by name: a plan must not depend on the order of a dictionary.
    let sources = bySource.map { (name: $0.key, nodes: $0.value, bytes: $0.value.reduce(0) { $0 + $1.size }) }
      .sorted { ($0.bytes, $1.name) > ($1.bytes, $0.name) }
    let free = request.maximumLayers - (base.isEmpty ? 0 : 1)
    let alone = sources.count <= free ? sources.count : free - 1
    var layers: [LayerPlan.Layer] = base.isEmpty ? [] : [.init(base, reason: "the base system")]
    layers += sources[..<alone].map { .init($0.nodes, reason: "source \($0.name)") }
    let rest = sources[alone...]
    if !rest.isEmpty { layers.append(.init(rest.flatMap(\.nodes), reason: "the rest, \(rest.count) sources")) }
    return LayerPlan(layers: layers)
  }
}
