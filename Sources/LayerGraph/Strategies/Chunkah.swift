/// chunkah's division (version 1): what is unusually large alone, the rest hashed by name into tiers of stability.
public struct Chunkah: PlanningStrategy {
  /// The name in the command line and in reports.
  public var name: String { "chunkah" }

  /// Creates the strategy; it has no settings.
  public init() {}

  private struct Item {
    var node: StoreGraph.Node
    var stability: Double
    var key: String
  }

  /// Divides the paths by size and stability. Stability comes from the history, where chunkah reads changelogs.
  public func plan(_ request: PlanningRequest) -> LayerPlan {
    let budget = request.maximumLayers
    var items = request.graph.nodes.map { node in
      let key = StorePathName(node.path).text
      let record = request.history.names[key].map { request.history.records[Int($0)] }
      let stability = record.flatMap { $0.age == 0 ? nil : 1 - (Double($0.departures) + 0.5) / (Double($0.age) + 1.5) }
      return Item(node: node, stability: stability ?? 0.8, key: key)
    }
    items.sort { $0.node.size != $1.node.size ? $0.node.size > $1.node.size : byteOrder($0.node.path, $1.node.path) }
    guard items.count > budget else { return layers(items.map { [$0] }) }
    let sizes = items.map { Double($0.node.size) }
    let middle = Self.median(sizes)
    let deviation = Self.median(sizes.map { abs($0 - middle) })
    let threshold = middle + 1.5 * (deviation < 0.01 * middle ? middle : deviation)
    let large = items.prefix { Double($0.node.size) >= threshold }.prefix(Int(0.8 * Double(budget - 1)))
    let rest = Array(items.dropFirst(large.count))
    return layers(large.map { [$0] } + bins(rest, count: budget - large.count))
  }

  private func bins(_ items: [Item], count: Int) -> [[Item]] {
    let mean = items.reduce(0) { $0 + $1.stability } / Double(items.count)
    let variance = items.reduce(0) { $0 + ($1.stability - mean) * ($1.stability - mean) } / Double(items.count)
    let sigma = variance.squareRoot()
    let tiers = [
      items.filter { $0.stability > mean + sigma },
      items.filter { abs($0.stability - mean) <= sigma },
      items.filter { $0.stability < mean - sigma },
    ].filter { !$0.isEmpty }
    guard count >= tiers.count else { return Self.hashed(items, into: count) }
    var left = count
    var result: [[Item]] = []
    for (position, tier) in tiers.enumerated() {
      let isLast = position == tiers.count - 1
      let share = isLast ? left : min(max(1, count * tier.count / items.count), left - (tiers.count - 1 - position))
      left -= share
      result += Self.hashed(tier, into: share)
    }
    return result
  }

  private static func hashed(_ items: [Item], into count: Int) -> [[Item]] {
    var bins = [[Item]](repeating: [], count: count)
    for item in items { bins[Int(hash(item.key) % UInt64(count))].append(item) }
    for empty in bins.indices where bins[empty].isEmpty {
      // The items of a bin are in descending size.
      let donor = bins.indices.filter { bins[$0].count > 1 }.max { bins[$0][0].node.size < bins[$1][0].node.size }
      guard let donor else { break }
      bins[empty].append(bins[donor].removeFirst())
    }
    return bins.filter { !$0.isEmpty }
  }

  private func layers(_ groups: [[Item]]) -> LayerPlan {
    func stability(_ group: [Item]) -> Double { group.reduce(1) { min($0, $1.stability) } }
    let sorted = groups.sorted {
      let (left, right) = (stability($0), stability($1))
      return left != right ? left > right : byteOrder($0[0].node.path, $1[0].node.path)
    }
    return LayerPlan(
      layers: sorted.map { group in
        LayerPlan.Layer(
          group.map(\.node),
          reason: group.count == 1 ? "unusually large, or without company" : "of similar stability, by name")
      })
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// FNV-1a.
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
