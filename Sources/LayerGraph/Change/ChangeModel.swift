/// How likely groups of paths are to change with the next version.
///
/// Two views are mixed. *What was seen*: each past transition is a scenario, decayed with age. *What the graph says*:
/// every path changes by itself at a rate learned from its name, and in a Nix store takes all that refer to it along;
/// these changes are taken to be independent. Both views of a group are unions of bit rows, so a probability is a walk
/// over a few words.
struct ChangeModel: Sendable {
  struct Parameters: Sendable {
    /// After how many transitions one counts half.
    var halfLife = 20.0
    /// How many transitions the graph's view is worth against those seen.
    var priorWeight = 16.0
    /// How many transitions of average rate each name starts with.
    var rateWeight = 20.0
    /// How often a path changes by itself in one transition where nothing is known.
    var startRate = 0.05
  }

  /// The number of items.
  let count: Int
  /// Words of a row: the first `seenWords` are scenarios seen, the rest sources.
  let words: Int
  let seenWords: Int
  /// The rows of all items, one after the other.
  let rows: [UInt64]
  /// The rate of changes of an item that no bit stands for.
  let residual: [Double]
  /// The chance with which each item changes by itself.
  let rates: [Double]
  /// How much the view of what was seen counts, 0 to 1.
  let seenShare: Double
  /// The sum of the weights of the bits of every byte of a row: 256 entries a byte.
  private let tables: [Double]
  /// The weight of every bit.
  let weights: [Double]

  static let sourceLimit = 448

  init(
    _ graph: StoreGraph, _ index: GraphIndex, _ history: ChangeHistory, _ parameters: Parameters = .init()
  ) {
    count = graph.nodes.count
    let names = graph.nodes.map { history.names[StorePathName($0.path).text] }
    let isCascading = history.isCascading
    // Rates.
    var totalAge = 0.0
    var totalChanges = 0.0
    for record in history.records {
      totalAge += Double(record.age)
      totalChanges += Double(isCascading ? record.ownDepartures : record.departures)
    }
    let average = (totalChanges + parameters.startRate * 200) / (totalAge + 200)
    let rates = names.map { name -> Double in
      guard let name else { return average }
      let record = history.records[Int(name)]
      let changes = Double(isCascading ? record.ownDepartures : record.departures)
      return (changes + parameters.rateWeight * average) / (Double(record.age) + parameters.rateWeight)
    }
    // Scenarios seen.
    let seen = history.transitions.count
    seenWords = (seen + 63) / 64
    var weights: [Double] = []
    for age in (0..<seen).reversed() {
      weights.append(
        parameters.halfLife.isInfinite ? 1 : exponential(-0.6931471805599453 * Double(age) / parameters.halfLife))
    }
    let evidence = weights.reduce(0, +)
    seenShare = evidence / (evidence + parameters.priorWeight)
    if evidence > 0 { for index in weights.indices { weights[index] /= evidence } }
    weights += [Double](repeating: 0, count: seenWords * 64 - seen)
    // Sources: those that take others along, by what they take.
    var sources: [Int32] = []
    var residual = rates
    if isCascading {
      sources = Array(index.order).filter { !index.dependents[Int($0)].isEmpty }
      if sources.count > Self.sourceLimit {
        let reach = index.dependentCounts()
        let weight = rates.indices.map { rates[$0] * Double(reach[$0]) }
        sources.sort { (weight[Int($0)], $1) > (weight[Int($1)], $0) }
        sources = Array(sources.prefix(Self.sourceLimit))
      }
    }
    let sourceWords = (sources.count + 63) / 64
    let words = seenWords + sourceWords
    self.words = words
    var rows = [UInt64](repeating: 0, count: count * words)
    weights += [Double](repeating: 0, count: sourceWords * 64)
    for (bit, source) in sources.enumerated() {
      let position = seenWords * 64 + bit
      rows[Int(source) * words + position / 64] |= 1 << UInt64(position % 64)
      weights[position] = rates[Int(source)]
      residual[Int(source)] = 0
    }
    if isCascading {
      // References come first in the order, so one pass hands every source on to all that reach it.
      let isSource = Set(sources)
      for node in index.order {
        let own = Int(node) * words
        for reference in index.references[Int(node)] where reference != node {
          let other = Int(reference) * words
          for word in seenWords..<words { rows[own + word] |= rows[other + word] }
          if !isSource.contains(reference) { residual[Int(node)] += residual[Int(reference)] }
        }
      }
    }
    if seen > 0 {
      var byName: [Int32: [Int]] = [:]
      for (item, name) in names.enumerated() { if let name { byName[name, default: []].append(item) } }
      for (bit, departed) in history.transitions.enumerated() {
        for name in departed {
          for item in byName[name] ?? [] { rows[item * words + bit / 64] |= 1 << UInt64(bit % 64) }
        }
      }
    }
    self.rates = rates
    self.rows = rows
    self.residual = residual
    self.weights = weights
    var tables = [Double](repeating: 0, count: words * 8 * 256)
    for byte in 0..<words * 8 {
      for value in 1..<256 {
        let low = value.trailingZeroBitCount
        tables[byte * 256 + value] = tables[byte * 256 + (value & (value - 1))] + weights[byte * 8 + low]
      }
    }
    self.tables = tables
  }

  /// The chance that one of a group changes, from the union of its rows and the sum of its residual rates.
  func probability(_ row: [UInt64], at start: Int = 0, residual: Double) -> Double {
    var seen = 0.0
    var rate = residual
    for word in 0..<words {
      let sum = weight(of: row[start + word], in: word)
      if word < seenWords { seen += sum } else { rate += sum }
    }
    return chance(seen: seen, rate: rate)
  }

  /// The same for the union of two rows.
  func probability(_ row: [UInt64], or item: Int, residual: Double) -> Double {
    var seen = 0.0
    var rate = residual
    let base = item * words
    for word in 0..<words {
      let sum = weight(of: row[word] | rows[base + word], in: word)
      if word < seenWords { seen += sum } else { rate += sum }
    }
    return chance(seen: seen, rate: rate)
  }

  /// The sum of the weights of the bits of one word.
  private func weight(of word: UInt64, in position: Int) -> Double {
    var bits = word
    var sum = 0.0
    var table = position * 2048
    while bits != 0 {
      sum += tables[table + Int(bits & 255)]
      bits >>= 8
      table += 256
    }
    return sum
  }

  private func chance(seen: Double, rate: Double) -> Double {
    seenShare * seen + (1 - seenShare) * (1 - exponential(-rate))
  }
}
