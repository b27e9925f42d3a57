extension GraphIndex {
  /// How many paths each path reaches over its references, itself included.
  func closureCounts() -> [Int] {
    var counts = [Int](repeating: 0, count: count)
    forEachReachedSet(order, references) { _, members, bits in
      var reached = 0
      for word in 0..<8 { reached += bits[word].nonzeroBitCount }
      for member in members { counts[Int(member)] += reached }
    }
    return counts
  }

  /// How many paths reach each path over their references, itself included.
  func dependentCounts() -> [Int] {
    var counts = [Int](repeating: 0, count: count)
    forEachReachedSet(order.reversed(), dependents) { _, members, bits in
      var reached = 0
      for word in 0..<8 { reached += bits[word].nonzeroBitCount }
      for member in members { counts[Int(member)] += reached }
    }
    return counts
  }

  /// The sum of some sizes over all paths that each path reaches, itself included.
  func closureSums(_ sizes: [Int64]) -> [Int64] {
    var sums = [Int64](repeating: 0, count: count)
    // The sums of all values that a byte of a set can have; made anew for every 512 starting points.
    var tables = [Int64](repeating: 0, count: 64 * 256)
    var tablesOf = -1
    forEachReachedSet(order, references) { first, members, bits in
      if tablesOf != first {
        tablesOf = first
        for byte in 0..<64 {
          for value in 1..<256 {
            let node = first + byte * 8 + value.trailingZeroBitCount
            tables[byte * 256 + value] = tables[byte * 256 + (value & (value - 1))] + (node < count ? sizes[node] : 0)
          }
        }
      }
      var sum: Int64 = 0
      for word in 0..<8 {
        var rest = bits[word]
        var table = word * 2048
        while rest != 0 {
          sum += tables[table + Int(rest & 255)]
          rest >>= 8
          table += 256
        }
      }
      for member in members { sums[Int(member)] += sum }
    }
    return sums
  }

  /// Exact sets in little memory: those of 512 starting points at a time are handed along the order, and shown for
  /// each component.
  /// - Parameter body: Gets the first starting point, the nodes of the component, and which of the 512 it reaches.
  private func forEachReachedSet(
    _ order: [Int32], _ edges: Adjacency, _ body: (Int, ArraySlice<Int32>, SIMD8<UInt64>) -> Void
  ) {
    var sets = [SIMD8<UInt64>](repeating: .zero, count: componentCount)
    for first in stride(from: 0, to: count, by: 512) {
      for index in sets.indices { sets[index] = .zero }
      for node in first..<min(first + 512, count) {
        let bit = node - first
        sets[Int(component[node])][bit / 64] |= 1 << UInt64(bit % 64)
      }
      // The nodes of one component stand together.
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
        body(first, order[start..<end], bits)
        start = end
      }
    }
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
