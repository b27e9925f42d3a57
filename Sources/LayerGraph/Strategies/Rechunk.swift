/// rechunk's division: paths that changed in the same weeks together.
///
/// A layer costs its bytes times the past transitions in which one of its paths changed. Packages with little past
/// count as always changing.
public struct Rechunk: PlanningStrategy {
  /// Whether paths stay in the layer they were in, by name, and only new ones are placed.
  public var isSticky: Bool

  /// The name in the command line and in reports.
  public var name: String { isSticky ? "rechunk-sticky" : "rechunk-fresh" }

  /// Creates the strategy.
  public init(isSticky: Bool) { self.isSticky = isSticky }

  private struct Item {
    var node: StoreGraph.Node
    var name: String
    var weeks: UInt64
    var bytes: Double { Double(node.size) }
  }

  private struct Bin {
    var items: [Item] = []
    var weeks: UInt64 = 0
    var bytes = 0.0

    mutating func add(_ item: Item) {
      items.append(item)
      weeks |= item.weeks
      bytes += item.bytes
    }

    func cost(with item: Item) -> Double { Double((weeks | item.weeks).nonzeroBitCount) * (bytes + item.bytes) }
    var cost: Double { Double(weeks.nonzeroBitCount) * bytes }
  }

  /// Divides the paths by what changed together.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let history = request.history
    let past = history.transitions.suffix(53)
    var weeks = [UInt64](repeating: 0, count: history.records.count)
    for (week, names) in past.enumerated() { for name in names { weeks[Int(name)] |= 1 << UInt64(week) } }
    let always = past.isEmpty ? 1 : UInt64.max >> UInt64(64 - past.count)
    let items = request.graph.nodes.map { node in
      let name = StorePathName(node.path).text
      guard let number = history.names[name].map(Int.init), history.records[number].age >= 2 else {
        return Item(node: node, name: name, weeks: always)
      }
      return Item(node: node, name: name, weeks: weeks[number])
    }.sorted { $0.node.size != $1.node.size ? $0.node.size > $1.node.size : byteOrder($0.node.path, $1.node.path) }
    let total = items.reduce(0) { $0 + $1.bytes }
    let average = total / Double(request.maximumLayers)
    var bins: [Bin] = []
    var rest = items
    if isSticky, let previous = request.previous, !previous.layers.isEmpty {
      (bins, rest) = Self.kept(items, previous, limit: request.maximumLayers)
    } else {
      (bins, rest) = Self.prefilled(items, total: total, average: average, limit: request.maximumLayers)
    }
    Self.fill(&bins, with: rest, limit: 1.3 * average, count: request.maximumLayers)
    return LayerPlan(
      layers: bins.filter { !$0.items.isEmpty }.map {
        .init($0.items.map(\.node), reason: "changed in \($0.weeks.nonzeroBitCount) of \(past.count) transitions")
      })
  }

  private static func kept(_ items: [Item], _ previous: LayerPlan, limit: Int) -> ([Bin], [Item]) {
    var places: [String: [Int]] = [:]
    for (index, layer) in previous.layers.prefix(limit).enumerated() {
      for path in layer.paths { places[StorePathName(path).text, default: []].append(index) }
    }
    var bins = [Bin](repeating: Bin(), count: limit)
    var rest: [Item] = []
    for item in items {
      guard let place = places[item.name]?.first else {
        rest.append(item)
        continue
      }
      if places[item.name, default: []].count > 1 { places[item.name]?.removeFirst() }
      bins[place].add(item)
    }
    return (bins, rest)
  }

  private static func prefilled(_ items: [Item], total: Double, average: Double, limit: Int) -> ([Bin], [Item]) {
    // The thresholds are for images of 5 GB; scaled, as others are smaller.
    let scale = 3 * total / 5e9
    var bins: [Bin] = []
    var rest = items
    for threshold in [0.5e6 * scale, 1e6 * scale] where bins.count + 1 < limit {
      var bin = Bin()
      for item in rest where item.bytes < threshold { bin.add(item) }
      rest.removeAll { $0.bytes < threshold }
      if !bin.items.isEmpty { bins.append(bin) }
    }
    while bins.count < limit, !rest.isEmpty {
      var bin = Bin()
      bin.add(rest.removeFirst())
      while bin.bytes <= 0.4 * average, !rest.isEmpty {
        let best = rest.indices.min { bin.cost(with: rest[$0]) < bin.cost(with: rest[$1]) } ?? 0
        bin.add(rest.remove(at: best))
      }
      bins.append(bin)
    }
    return (bins, rest)
  }

  /// Takes, again and again, the path and the layer whose costs grow least together.
  private static func fill(_ bins: inout [Bin], with items: [Item], limit: Double, count: Int) {
    while bins.count < count { bins.append(Bin()) }
    // The cheapest layer of each item; only those that pointed at the layer just filled are looked at again.
    func best(_ item: Item) -> (bin: Int, cost: Double) {
      let open = bins.indices.filter { bins[$0].bytes <= limit }
      var result = (bin: 0, cost: Double.infinity)
      for bin in open.isEmpty ? Array(bins.indices) : open {
        let cost = bins[bin].cost(with: item) - bins[bin].cost
        if cost < result.cost { result = (bin, cost) }
      }
      return result
    }
    var rest = items.map { (item: $0, best: best($0)) }
    while let next = rest.indices.min(by: { rest[$0].best.cost < rest[$1].best.cost }) {
      let (item, target) = rest.remove(at: next)
      bins[target.bin].add(item)
      for index in rest.indices {
        let cost = bins[target.bin].cost(with: rest[index].item) - bins[target.bin].cost
        if rest[index].best.bin == target.bin {
          rest[index].best = best(rest[index].item)
        } else if bins[target.bin].bytes <= limit, cost < rest[index].best.cost {
          rest[index].best = (target.bin, cost)
        }
      }
    }
  }
}
