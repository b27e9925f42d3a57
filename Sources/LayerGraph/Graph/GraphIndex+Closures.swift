extension GraphIndex {
  /// How many paths each path reaches over its references, itself included.
  func closureCounts() -> [Int] { reachedCounts(order, references) }

  /// How many paths reach each path over their references, itself included.
  func dependentCounts() -> [Int] { reachedCounts(order.reversed(), dependents) }

  /// Exact counts in little memory: bit sets of 512 starting points at a time are handed along the order.
  private func reachedCounts(_ order: [Int32], _ edges: Adjacency) -> [Int] {
    var counts = [Int](repeating: 0, count: count)
    typealias Bits = SIMD8<UInt64>
    var sets = [Bits](repeating: .zero, count: componentCount)
    // Members of components in the order given, as runs: the nodes of one stand together.
    for first in stride(from: 0, to: count, by: 512) {
      for index in sets.indices { sets[index] = .zero }
      for node in first..<min(first + 512, count) {
        let bit = node - first
        sets[Int(component[node])][bit / 64] |= 1 << UInt64(bit % 64)
      }
      var start = 0
      while start < count {
        let own = component[Int(order[start])]
        var end = start
        var bits = sets[Int(own)]
        while end < count, component[Int(order[end])] == own {
          for target in edges[Int(order[end])] { bits |= sets[Int(component[Int(target)])] }
          end += 1
        }
        sets[Int(own)] = bits
        var reached = 0
        for word in 0..<8 { reached += bits[word].nonzeroBitCount }
        for position in start..<end { counts[Int(order[position])] += reached }
        start = end
      }
    }
    return counts
  }

  /// Every path that is reached from some, over references, themselves included; ascending.
  func closure(of nodes: some Sequence<Int>) -> [Int] { reached(from: nodes, references) }

  /// Every path that reaches one of some, themselves included; ascending.
  func dependents(of nodes: some Sequence<Int>) -> [Int] { reached(from: nodes, dependents) }

  private func reached(from nodes: some Sequence<Int>, _ edges: Adjacency) -> [Int] {
    var isReached = [Bool](repeating: false, count: count)
    var open: [Int] = []
    for node in nodes where !isReached[node] {
      isReached[node] = true
      open.append(node)
    }
    while let node = open.popLast() {
      for target in edges[node] where !isReached[Int(target)] {
        isReached[Int(target)] = true
        open.append(Int(target))
      }
    }
    return isReached.indices.filter { isReached[$0] }
  }
}
