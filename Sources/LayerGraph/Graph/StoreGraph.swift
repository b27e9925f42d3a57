/// Store paths, their sizes and their references.
///
/// A Nix store has no cycles, but packages of distributions do; paths of one cycle count as one wherever references
/// matter. Equal graphs are equal values whatever the order in which they were given. References of a path to itself
/// make no difference and are kept apart, in `selfReferences`; so are references to paths that are not in the graph, in
/// `outsideReferences`.
public struct StoreGraph: Sendable, Hashable {
  /// One store path.
  public struct Node: Sendable, Hashable {
    /// The store path, e.g. `/nix/store/HASH-NAME`.
    public var path: String
    /// Its size in bytes, as the store counts it (`narSize`).
    public var size: Int64
    /// The store paths that it names in its content.
    public var references: [String]

    /// Creates a node.
    public init(path: String, size: Int64, references: [String] = []) {
      self.path = path
      self.size = size
      self.references = references
    }
  }

  /// A reference to a path that the graph does not have.
  public struct OutsideReference: Sendable, Hashable {
    /// The path that refers.
    public var from: String
    /// The path that is not there.
    public var to: String
  }

  /// The paths by their bytes, each with the sorted references that stay inside the graph, itself left out.
  public let nodes: [Node]
  /// The references that lead out of the graph, sorted.
  public let outsideReferences: [OutsideReference]
  /// The paths that refer to themselves, sorted. No plan depends on them, and graphs are equal without them.
  public let selfReferences: [String]

  /// Creates a graph.
  /// - Throws: `LayerGraphError`: `contradiction` where one path is given twice with different facts, or
  ///   `invalidSize`.
  public init(_ nodes: some Sequence<Node>) throws(LayerGraphError) {
    var byPath: [String: Node] = [:]
    var total: Int64 = 0
    var referringToThemselves: Set<String> = []
    for var node in nodes {
      if node.references.contains(node.path) { referringToThemselves.insert(node.path) }
      node.references = Set(node.references).subtracting([node.path]).sorted(by: byteOrder)
      if let known = byPath[node.path] {
        guard known == node else {
          throw LayerGraphError(
            .contradiction, "'\(node.path)' is described twice, with different sizes or references; keep one")
        }
        continue
      }
      let (sum, isTooMuch) = total.addingReportingOverflow(node.size)
      guard node.size >= 0, !isTooMuch else {
        throw LayerGraphError(.invalidSize, "'\(node.path)' has an impossible size of \(node.size) bytes")
      }
      total = sum
      byPath[node.path] = node
    }
    var outside: [OutsideReference] = []
    self.nodes = byPath.values.sorted { byteOrder($0.path, $1.path) }.map { node in
      var node = node
      outside += node.references.filter { byPath[$0] == nil }.map { OutsideReference(from: node.path, to: $0) }
      node.references.removeAll { byPath[$0] == nil }
      return node
    }
    outsideReferences = outside
    selfReferences = referringToThemselves.sorted(by: byteOrder)
  }

  /// Puts graphs together. A path that several have must have one size; its references are those of all of them.
  /// - Throws: `LayerGraphError`: `contradiction`, or `invalidSize`.
  public init(union graphs: some Sequence<StoreGraph>) throws(LayerGraphError) {
    var nodes: [String: Node] = [:]
    let graphs = Array(graphs)
    for node in graphs.lazy.flatMap(\.nodes) {
      guard let known = nodes[node.path] else {
        nodes[node.path] = node
        continue
      }
      guard known.size == node.size else {
        throw LayerGraphError(
          .contradiction, "'\(node.path)' has \(known.size) bytes in one graph and \(node.size) in another")
      }
      if known.references != node.references { nodes[node.path]?.references += node.references }
    }
    for path in graphs.lazy.flatMap(\.selfReferences) { nodes[path]?.references.append(path) }
    try self.init(nodes.values)
  }

  /// Whether two graphs have the same paths with the same references to other paths.
  public static func == (left: StoreGraph, right: StoreGraph) -> Bool {
    left.nodes == right.nodes && left.outsideReferences == right.outsideReferences
  }

  /// Hashes what makes graphs equal.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(nodes)
    hasher.combine(outsideReferences)
  }

  /// A cycle of references, if there is one: paths each of which refers to the next, and the last to the first.
  public var cycle: [String]? {
    let index = GraphIndex(self)
    guard
      let first = (0..<index.count).first(where: { node in
        index.references[node].contains { index.component[Int($0)] == index.component[node] }
      })
    else { return nil }
    // Inside a component, every node has a reference to follow that stays inside.
    var trail: [Int] = []
    var place: [Int: Int] = [:]
    var next = first
    while place[next] == nil {
      place[next] = trail.count
      trail.append(next)
      next = index.references[next].first { index.component[Int($0)] == index.component[first] }.map(Int.init) ?? next
    }
    return trail[(place[next] ?? 0)...].map { nodes[$0].path }
  }

  /// The sum of all sizes, in bytes.
  public var totalSize: Int64 { nodes.reduce(0) { $0 + $1.size } }
}

/// Whether one text comes before another by its UTF-8 bytes, which no locale changes.
func byteOrder(_ left: String, _ right: String) -> Bool {
  left.utf8.lexicographicallyPrecedes(right.utf8)
}
