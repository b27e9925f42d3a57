/// Divides items into groups so that few bytes are expected to be sent with the next version.
///
/// A group costs its bytes times the chance that one of its items changes. The search starts from the largest alone
/// and the rest together, moves single items to where they cost least, then splits one group and merges two as long as
/// both together gain.
struct PartitionSearch {
  private let model: ChangeModel
  private let sizes: [Double]
  /// The group of each position in `items`.
  private var group: [Int32]
  private let items: [Int]
  private var groups: [Group]
  /// How often each bit is set among the items of each group.
  private var counts: [Int32]
  private let bits: Int
  private let scale: Double

  private struct Group {
    var bytes = 0.0
    var residual = 0.0
    var members = 0
    var cost = 0.0
    var row: [UInt64]
  }

  /// Where a search starts.
  enum Start: CaseIterable {
    /// The largest items alone, the rest together.
    case largestFirst
    /// Everything together, to be split.
    case together
    /// Runs of equally many in order of their own chance to change.
    case byChance
    /// One after the other into each group in turn, the largest first.
    case dealt
  }

  /// - Parameters:
  ///   - items: numbers of the model's items, each once.
  ///   - limit: the most groups, at least one.
  init(_ items: [Int], sizes: [Double], limit: Int, model: ChangeModel, start: Start = .largestFirst) {
    self.model = model
    self.sizes = sizes
    bits = model.words * 64
    self.items = items.sorted { (sizes[$0], $1) > (sizes[$1], $0) }
    let groupCount = min(limit, items.count)
    let count = self.items.count
    group =
      switch start {
      case .largestFirst: (0..<count).map { Int32(min($0, groupCount - 1)) }
      case .together: .init(repeating: 0, count: count)
      case .dealt: (0..<count).map { Int32($0 % groupCount) }
      case .byChance: Self.runs(self.items, groupCount, model)
      }
    groups = .init(repeating: Group(row: .init(repeating: 0, count: model.words)), count: max(groupCount, 0))
    counts = .init(repeating: 0, count: groupCount * bits)
    scale = items.reduce(0) { $0 + sizes[$1] }
    for position in self.items.indices { add(self.items[position], to: Int(group[position])) }
    for index in groups.indices { groups[index].cost = cost(of: index) }
  }

  /// The groups found, each in descending size; none empty.
  var result: [[Int]] {
    var lists = [[Int]](repeating: [], count: groups.count)
    for (position, group) in group.enumerated() { lists[Int(group)].append(items[position]) }
    return lists.filter { !$0.isEmpty }
  }

  /// The bytes expected to be sent.
  var cost: Double { groups.reduce(0) { $0 + $1.cost } }

  /// Searches until a round gains next to nothing.
  /// - Parameter isThorough: Whether items are exchanged too. It makes expected bytes fewer, and was no gain over real
  ///   histories when only what is dirty is divided: the model is not that exact.
  mutating func run(rounds: Int = 6, isThorough: Bool = false) {
    guard groups.count > 1, scale > 0 else { return }
    for round in 0..<rounds {
      let before = cost
      // The small ones find their place in the first round; later the large ones decide.
      moveItems(round == 0 ? items.count : min(items.count, 256))
      splitAndMerge()
      if isThorough { swapItems() }
      if before - cost < 1e-4 * before { break }
    }
  }

  private static func runs(_ items: [Int], _ groupCount: Int, _ model: ChangeModel) -> [Int32] {
    let chances = items.map { model.probability(of: [$0]) }
    var group = [Int32](repeating: 0, count: items.count)
    for (rank, position) in items.indices.sorted(by: { (chances[$0], $0) < (chances[$1], $1) }).enumerated() {
      group[position] = Int32(rank * groupCount / items.count)
    }
    return group
  }

  /// The searches from several starts.
  static func all(
    _ items: [Int], sizes: [Double], limit: Int, model: ChangeModel, starts: [Start] = Start.allCases,
    isThorough: Bool = false
  ) -> [PartitionSearch] {
    starts.map { start in
      var search = PartitionSearch(items, sizes: sizes, limit: limit, model: model, start: start)
      search.run(isThorough: isThorough)
      return search
    }
  }

  private mutating func add(_ item: Int, to index: Int) {
    groups[index].bytes += sizes[item]
    groups[index].residual += model.residual[item]
    groups[index].members += 1
    let base = index * bits
    for word in 0..<model.words {
      let own = model.rows[item * model.words + word]
      groups[index].row[word] |= own
      var rest = own
      while rest != 0 {
        counts[base + word * 64 + rest.trailingZeroBitCount] += 1
        rest &= rest - 1
      }
    }
  }

  private mutating func remove(_ item: Int, from index: Int) {
    groups[index].bytes -= sizes[item]
    groups[index].residual -= model.residual[item]
    groups[index].members -= 1
    let base = index * bits
    for word in 0..<model.words {
      var rest = model.rows[item * model.words + word]
      while rest != 0 {
        let bit = rest.trailingZeroBitCount
        counts[base + word * 64 + bit] -= 1
        if counts[base + word * 64 + bit] == 0 { groups[index].row[word] &= ~(1 << UInt64(bit)) }
        rest &= rest - 1
      }
    }
  }

  private func cost(of index: Int) -> Double {
    groups[index].members == 0
      ? 0 : groups[index].bytes * model.probability(groups[index].row, residual: groups[index].residual)
  }

  private func cost(of index: Int, with item: Int) -> Double {
    (groups[index].bytes + sizes[item])
      * model.probability(groups[index].row, or: item, residual: groups[index].residual + model.residual[item])
  }

  /// One pass over items, the largest first.
  private mutating func moveItems(_ count: Int) {
    for position in 0..<count {
      let item = items[position]
      let home = Int(group[position])
      let before = groups[home].cost
      remove(item, from: home)
      let without = cost(of: home)
      let saved = before - without
      var best = home
      var bestGain = 1e-7 * scale
      for index in groups.indices where index != home {
        let gain = saved - (cost(of: index, with: item) - groups[index].cost)
        if gain > bestGain {
          bestGain = gain
          best = index
        }
      }
      add(item, to: best)
      group[position] = Int32(best)
      if best == home { continue }
      groups[home].cost = without
      groups[best].cost = cost(of: best)
    }
  }

  /// Exchanges two of the largest items where that is better.
  private mutating func swapItems() {
    let count = min(items.count, 24)
    for left in 0..<count {
      for right in left + 1..<max(left + 1, count) where group[left] != group[right] {
        let (a, b) = (Int(group[left]), Int(group[right]))
        let before = groups[a].cost + groups[b].cost
        exchange(left, right)
        let (costA, costB) = (cost(of: a), cost(of: b))
        if costA + costB < before - 1e-7 * scale {
          groups[a].cost = costA
          groups[b].cost = costB
        } else {
          exchange(left, right)
        }
      }
    }
  }

  private mutating func exchange(_ left: Int, _ right: Int) {
    let (a, b) = (Int(group[left]), Int(group[right]))
    remove(items[left], from: a)
    remove(items[right], from: b)
    add(items[left], to: b)
    add(items[right], to: a)
    group.swapAt(left, right)
  }

  /// Merges the two groups that lose least and splits the one that gains most, if that is a gain.
  private mutating func splitAndMerge() {
    for _ in 0..<groups.count {
      let empty = groups.firstIndex { $0.members == 0 }
      guard let split = bestSplit() else { return }
      if let empty {
        apply(split, to: empty)
        continue
      }
      guard let merge = cheapestMerge(without: split.group), merge.loss < split.gain * 0.999 - 1e-7 * scale else {
        return
      }
      for position in items.indices where group[position] == Int32(merge.from) {
        remove(items[position], from: merge.from)
        add(items[position], to: merge.to)
        group[position] = Int32(merge.to)
      }
      groups[merge.to].cost = cost(of: merge.to)
      apply(split, to: merge.from)
    }
  }

  private struct Split {
    var group: Int
    var gain: Double
    /// The positions that leave.
    var leaving: [Int]
  }

  private mutating func apply(_ split: Split, to empty: Int) {
    for position in split.leaving {
      remove(items[position], from: split.group)
      add(items[position], to: empty)
      group[position] = Int32(empty)
    }
    groups[split.group].cost = cost(of: split.group)
    groups[empty].cost = cost(of: empty)
  }

  /// Of the costliest groups: the best cut through the items in order of their own chance to change.
  private func bestSplit() -> Split? {
    var members = [[Int]](repeating: [], count: groups.count)
    for (position, index) in group.enumerated() { members[Int(index)].append(position) }
    let candidates = groups.indices.filter { groups[$0].members > 1 }.sorted {
      (groups[$0].cost, $1) > (groups[$1].cost, $0)
    }
    var best: Split?
    for index in candidates.prefix(8) {
      let own = members[index].map { position in
        let item = items[position]
        return (
          position,
          model.probability(model.rows, at: item * model.words, residual: model.residual[item])
        )
      }
      for order in [own.sorted { ($0.1, $0.0) < ($1.1, $1.0) }, own] {
        guard let cut = bestCut(order.map(\.0), of: index) else { continue }
        if cut.gain > best?.gain ?? 0 { best = cut }
      }
    }
    return best
  }

  private func bestCut(_ order: [Int], of index: Int) -> Split? {
    model.bestCut(order.map { items[$0] }, sizes: sizes, cost: groups[index].cost).map {
      Split(group: index, gain: $0.gain, leaving: Array(order[$0.start...]))
    }
  }

  private func cheapestMerge(without excluded: Int) -> (from: Int, to: Int, loss: Double)? {
    var best: (from: Int, to: Int, loss: Double)?
    for to in groups.indices where to != excluded && groups[to].members > 0 {
      for from in groups.indices where from > to && from != excluded && groups[from].members > 0 {
        let bytes = groups[to].bytes + groups[from].bytes
        let parts = groups[to].cost + groups[from].cost
        var row = groups[to].row
        for word in row.indices { row[word] |= groups[from].row[word] }
        let loss = bytes * model.probability(row, residual: groups[to].residual + groups[from].residual) - parts
        if loss < best?.loss ?? .infinity { best = (from, to, loss) }
      }
    }
    return best
  }
}
