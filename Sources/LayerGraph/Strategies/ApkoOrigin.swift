/// apko's division: the packages of one source together, the largest sources alone, the rest together.
///
/// The origin of a store path is its name without version and output.
public struct ApkoOrigin: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "apko-origin" }

  /// Creates the strategy; it has no settings.
  public init() {}

  /// Divides the paths by origin.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let nodes = request.graph.nodes
    var byOrigin: [String: [StoreGraph.Node]] = [:]
    for node in nodes { byOrigin[StorePathName(node.path).origin, default: []].append(node) }
    var groups = byOrigin.map { Group(origin: $0.key, nodes: $0.value, bytes: $0.value.reduce(0) { $0 + $1.size }) }
    groups.sort { $0.bytes != $1.bytes ? $0.bytes > $1.bytes : byteOrder($1.origin, $0.origin) }
    let alone = groups.count <= request.maximumLayers ? groups.count : request.maximumLayers - 1
    var layers = groups[..<alone].map { LayerPlan.Layer($0.nodes, reason: "origin \($0.origin)") }
    let rest = groups[alone...]
    if !rest.isEmpty { layers.append(.init(rest.flatMap(\.nodes), reason: "the rest, \(rest.count) origins")) }
    return LayerPlan(layers: layers)
  }

  private struct Group {
    var origin: String
    var nodes: [StoreGraph.Node]
    var bytes: Int64
  }
}
