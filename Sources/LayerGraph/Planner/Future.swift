extension ChangeModel {
  /// Draws possible futures of some items: for each, for each of its versions, the positions of those that change.
  ///
  /// The generator has a fixed seed, so equal models give equal futures.
  func futures(of items: [Int], count: Int, versions: Int) -> [[[Int32]]] {
    var random = SplitMix(state: 0x5EED)
    let seen = scenarios(of: items)
    let chances = weights.map { 1 - exponential(-$0) }
    let own = items.map { 1 - exponential(-residual[$0]) }
    return (0..<count).map { _ in
      (0..<versions).map { _ in
        random.next() < seenShare
          ? seen[pick(random.next())] : independentChanges(of: items, chances: chances, own: own, &random)
      }
    }
  }

  /// For each scenario seen, the positions of the items that change in it.
  private func scenarios(of items: [Int]) -> [[Int32]] {
    var seen = [[Int32]](repeating: [], count: seenWords * 64)
    for (position, item) in items.enumerated() {
      for word in 0..<seenWords {
        var bits = rows[item * words + word]
        while bits != 0 {
          seen[word * 64 + bits.trailingZeroBitCount].append(Int32(position))
          bits &= bits - 1
        }
      }
    }
    return seen
  }

  /// The scenario at a share of the weight of all.
  private func pick(_ share: Double) -> Int {
    var left = share
    var last = 0
    for bit in 0..<seenWords * 64 where weights[bit] > 0 {
      last = bit
      left -= weights[bit]
      if left <= 0 { break }
    }
    return last
  }

  private func independentChanges(
    of items: [Int], chances: [Double], own: [Double], _ random: inout SplitMix
  ) -> [Int32] {
    var mask = [UInt64](repeating: 0, count: words)
    for bit in seenWords * 64..<words * 64 where chances[bit] > 0 && random.next() < chances[bit] {
      mask[bit / 64] |= 1 << UInt64(bit % 64)
    }
    var changed: [Int32] = []
    for (position, item) in items.enumerated() {
      var isChanged = own[position] > 0 && random.next() < own[position]
      var word = seenWords
      while !isChanged, word < words {
        isChanged = rows[item * words + word] & mask[word] != 0
        word += 1
      }
      if isChanged { changed.append(Int32(position)) }
    }
    return changed
  }
}

/// A small generator of random numbers, the same everywhere.
struct SplitMix: Sendable {
  var state: UInt64

  /// The next number, from 0 up to 1.
  mutating func next() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    bits ^= bits >> 31
    return Double(bits >> 11) * 0x1p-53
  }
}
