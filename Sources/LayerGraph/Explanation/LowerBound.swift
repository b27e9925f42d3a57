/// The least bytes that any division can be expected to send.
enum LowerBound {
  /// A bound for plans of so many layers, from the items' own chances alone.
  ///
  /// A layer is sent at least as often as the most volatile of its items, whatever changes together. For that cost the
  /// best layers are runs of items in order of their chance, and the best runs are found exactly: the cost of a run
  /// has the Monge property, so the best last cut moves to the right with the items, and divide and conquer finds all
  /// cuts.
  static func expectedBytes(sizes: [Double], chances: [Double], layers: Int) -> Double {
    let order = sizes.indices.sorted { (chances[$0], $1) > (chances[$1], $0) }
    let count = order.count
    guard count > 0, layers > 0 else { return 0 }
    if count <= layers { return order.reduce(0) { $0 + sizes[$1] * chances[$1] } }
    var prefix = [0.0]
    for item in order { prefix.append(prefix[prefix.count - 1] + sizes[item]) }
    // best[j]: the least cost of the first j items.
    var best = (0...count).map { prefix[$0] * chances[order[0]] }
    var next = best
    for _ in 1..<layers {
      var open = [(low: 1, high: count, from: 0, to: count - 1)]
      while let (low, high, from, to) = open.popLast() {
        guard low <= high else { continue }
        let middle = (low + high) / 2
        var cheapest = Double.infinity
        var cut = from
        for candidate in from...min(to, middle - 1) {
          let cost = best[candidate] + (prefix[middle] - prefix[candidate]) * chances[order[candidate]]
          if cost < cheapest { (cheapest, cut) = (cost, candidate) }
        }
        next[middle] = cheapest
        open.append((low, middle - 1, from, cut))
        open.append((middle + 1, high, cut, to))
      }
      next[0] = 0
      swap(&best, &next)
    }
    return best[count]
  }
}
