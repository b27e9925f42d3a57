extension ChangeModel {
  /// The best place to cut a list of items in two: what is saved by it, and where the second part begins.
  /// - Parameter cost: The expected bytes of all of them together.
  func bestCut(_ items: [Int], sizes: [Double], cost: Double) -> (gain: Double, start: Int)? {
    let heads = headCosts(items, sizes)
    let tails = Array(headCosts(items.reversed(), sizes).reversed())
    var best: (gain: Double, start: Int)?
    for start in 1..<max(1, items.count) {
      let gain = cost - heads[start - 1] - tails[start]
      if gain > best?.gain ?? 0 { best = (gain, start) }
    }
    return best
  }

  /// The expected bytes of every head of a list.
  private func headCosts(_ items: some Sequence<Int>, _ sizes: [Double]) -> [Double] {
    var row = [UInt64](repeating: 0, count: words)
    var (bytes, rate) = (0.0, 0.0)
    return items.map { item in
      for word in 0..<words { row[word] |= rows[item * words + word] }
      bytes += sizes[item]
      rate += residual[item]
      return bytes * probability(row, residual: rate)
    }
  }
}
