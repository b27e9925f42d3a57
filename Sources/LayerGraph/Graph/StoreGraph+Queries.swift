extension StoreGraph {
  /// The closure of some paths: they and all that they reach over references, sorted. Paths that the graph lacks are
  /// passed over.
  public func closure(of paths: some Sequence<String>) -> [String] {
    let numbers = numbers(of: paths)
    return GraphIndex(self).closure(of: numbers).map { nodes[$0].path }
  }

  /// Some paths and all that reach them over references, sorted. Paths that the graph lacks are passed over.
  public func dependents(of paths: some Sequence<String>) -> [String] {
    let numbers = numbers(of: paths)
    return GraphIndex(self).dependents(of: numbers).map { nodes[$0].path }
  }

  /// The bytes of the closure of every path, in the order of `nodes`. Takes time in the square of the paths over 512,
  /// and memory in proportion to them.
  public func closureSizes() -> [Int64] { GraphIndex(self).closureSums(nodes.map(\.size)) }

  /// For every path, in the order of `nodes`, the path through which all chains of references from `roots` to it lead,
  /// and that is nearest to it; `nil` for roots, for paths that are reached in ways that have nothing in common, and
  /// for those that are not reached. Of paths in one cycle the first stands for all.
  /// - Parameter roots: Where chains start; the paths that no other refers to unless told otherwise.
  public func dominators(from roots: [String]? = nil) -> [String?] {
    let index = GraphIndex(self)
    var first = [Int](repeating: -1, count: index.componentCount)
    for node in nodes.indices.reversed() { first[Int(index.component[node])] = node }
    let areTops = index.areTops()
    let tops =
      roots.map { Set(numbers(of: $0).map { Int(index.component[$0]) }) }
      ?? Set(areTops.indices.filter { areTops[$0] })
    let dominators = index.dominators(from: tops)
    return nodes.indices.map { node in
      guard let dominator = dominators[Int(index.component[node])], dominator >= 0 else { return nil }
      return nodes[first[dominator]].path
    }
  }

  private func numbers(of paths: some Sequence<String>) -> [Int] {
    let wanted = Set(paths)
    return nodes.indices.filter { wanted.contains(nodes[$0].path) }
  }
}
