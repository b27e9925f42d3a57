extension GraphIndex {
  /// Whether each component is a top: nothing outside of it refers to it.
  func areTops() -> [Bool] {
    var areTops = [Bool](repeating: true, count: componentCount)
    for node in 0..<count {
      for reference in references[node] where component[Int(reference)] != component[node] {
        areTops[Int(component[Int(reference)])] = false
      }
    }
    return areTops
  }

  /// The immediate dominator of every component, seen from a top that refers to some: the last component through which
  /// all chains of references from the top lead. `-1` is the top itself; components that the top does not reach are
  /// `nil`.
  ///
  /// - Parameter tops: the components that the top refers to.
  func dominators(from tops: some Sequence<Int>) -> [Int?] {
    var incoming = [Set<Int>](repeating: [], count: componentCount)
    for node in 0..<count {
      for reference in references[node] where component[Int(reference)] != component[node] {
        incoming[Int(component[Int(reference)])].insert(Int(component[node]))
      }
    }
    for top in tops { incoming[top].insert(-1) }
    // In an acyclic graph, what dominates a node is the nearest common ancestor of what refers to it, in the tree so
    // far.
    var dominator = [Int?](repeating: nil, count: componentCount)
    var depth = [Int](repeating: 0, count: componentCount)
    func depthOf(_ part: Int) -> Int { part < 0 ? 0 : depth[part] }
    for part in (0..<componentCount).reversed() {
      var common: Int?
      for other in incoming[part] where other < 0 || dominator[other] != nil {
        guard var left = common else {
          common = other
          continue
        }
        var right = other
        while left != right {
          if depthOf(left) >= depthOf(right) { left = dominator[left] ?? -1 } else { right = dominator[right] ?? -1 }
        }
        common = left
      }
      guard let common else { continue }
      dominator[part] = common
      depth[part] = depthOf(common) + 1
    }
    return dominator
  }
}
