/// What layers cost over possible futures, if they are kept by a simple rule.
///
/// The rule is the planner's own, without its search: layers that lost all items go; while there are too many dead
/// bytes, the layer with the highest share of them is written again; while no slot is free, the layer with the fewest
/// live bytes; what is to be written goes into half of the free slots, the largest alone and the rest together.
///
/// Items are numbered in descending size, and only the largest take part: they hold nearly all of the bytes.
struct Simulation {
  /// Possible futures: for each, for each of its versions, the items that change, ascending.
  var futures: [[[Int32]]]
  let sizes: [Double]
  let limit: Int
  /// The most dead bytes; below zero where a layer is never kept when it lost an item.
  let deadLimit: Double
  /// What a dead byte costs a version, in bytes sent.
  let deadPrice: Double

  /// Layers at one moment.
  struct State {
    /// The layer of every item.
    var layer: [Int32]
    var live: [Double]
    var dead: [Double]
  }

  struct Outcome {
    /// Bytes written again in a version although they did not change, and the price of dead bytes; on average.
    var cost = 0.0
    /// For each layer of the start: how often it went, for each version that it was there.
    var turnover: [Double] = []
    /// For each layer of the start: the bytes of it that were written again although they did not change, in the same way.
    var rewrittenBytes: [Double] = []
  }

  /// Simulates all futures from one state.
  func outcome(_ start: State) -> Outcome {
    var run = Run(start, self)
    var steps = 0
    for future in futures {
      run.reset(start)
      for changed in future { run.step(changed) }
      steps += future.count
    }
    func each(_ sums: [Double]) -> [Double] { zip(sums, run.exposed).map { $1 == 0 ? 0 : $0 / $1 } }
    return Outcome(
      cost: steps == 0 ? 0 : run.cost / Double(steps), turnover: each(run.gone), rewrittenBytes: each(run.rewritten))
  }

  private struct Run {
    let simulation: Simulation
    var layer: [Int32] = []
    var live: [Double]
    var dead: [Double]
    var members: [Int32]
    var isRewritten: [Bool]
    var used = 0
    var deadTotal = 0.0
    var cost = 0.0
    var pool: [Int32] = []
    /// Layers of the start that are still there, and what happened to them over all futures.
    var isOriginal: [Bool]
    var gone: [Double]
    var rewritten: [Double]
    var exposed: [Double]

    init(_ start: State, _ simulation: Simulation) {
      self.simulation = simulation
      let count = max(simulation.limit, start.live.count) + 1
      live = .init(repeating: 0, count: count)
      dead = live
      members = .init(repeating: 0, count: count)
      isRewritten = .init(repeating: false, count: count)
      isOriginal = isRewritten
      gone = .init(repeating: 0, count: start.live.count)
      rewritten = gone
      exposed = gone
    }

    mutating func reset(_ start: State) {
      layer = start.layer
      for index in live.indices {
        let isThere = index < start.live.count
        live[index] = isThere ? start.live[index] : 0
        dead[index] = isThere ? start.dead[index] : 0
        isOriginal[index] = isThere
        members[index] = 0
      }
      for place in layer where place >= 0 { members[Int(place)] += 1 }
      used = members.reduce(0) { $1 > 0 ? $0 + 1 : $0 }
      deadTotal = dead.reduce(0, +)
    }

    mutating func step(_ changed: [Int32]) {
      for index in exposed.indices where isOriginal[index] { exposed[index] += 1 }
      if !changed.isEmpty { update(changed) }
      cost += simulation.deadPrice * deadTotal
    }

    private mutating func update(_ changed: [Int32]) {
      for item in changed {
        let place = Int(layer[Int(item)])
        layer[Int(item)] = -1
        guard place >= 0 else { continue }
        let size = simulation.sizes[Int(item)]
        live[place] -= size
        dead[place] += size
        deadTotal += size
        members[place] -= 1
        if members[place] == 0 { drop(place) } else if simulation.deadLimit < 0 { isRewritten[place] = true }
      }
      var isRewriting = false
      if simulation.deadLimit < 0 {
        for place in live.indices where isRewritten[place] && members[place] > 0 {
          isRewriting = true
          rewrite(place)
        }
      } else {
        while deadTotal > simulation.deadLimit, let worst = mostDead() {
          isRewriting = true
          rewrite(worst)
        }
      }
      while used >= simulation.limit, let least = leastLive() {
        isRewriting = true
        rewrite(least)
      }
      if isRewriting {
        pool.removeAll(keepingCapacity: true)
        for item in layer.indices where layer[item] < 0 || isRewritten[Int(layer[item])] { pool.append(Int32(item)) }
        for place in isRewritten.indices { isRewritten[place] = false }
        place(pool)
      } else {
        place(changed)
      }
    }

    /// Writes items into free slots. They come in descending size.
    private mutating func place(_ items: [Int32]) {
      let free = simulation.limit - used
      let groups = max(1, simulation.deadLimit < 0 ? free : free / 2)
      var slot = -1
      for (rank, item) in items.enumerated() {
        if rank < groups {
          slot += 1
          while members[slot] > 0 { slot += 1 }
          live[slot] = 0
          dead[slot] = 0
          used += 1
        }
        layer[Int(item)] = Int32(slot)
        live[slot] += simulation.sizes[Int(item)]
        members[slot] += 1
      }
    }

    private func mostDead() -> Int? {
      var best: Int?
      for place in live.indices where members[place] > 0 && dead[place] > 0 {
        if let found = best, dead[place] * live[found] <= dead[found] * live[place] { continue }
        best = place
      }
      return best
    }

    private func leastLive() -> Int? {
      var best: Int?
      for place in live.indices where members[place] > 0 {
        if let found = best, live[place] >= live[found] { continue }
        best = place
      }
      return best
    }

    private mutating func rewrite(_ place: Int) {
      cost += live[place]
      if isOriginal[place] { rewritten[place] += live[place] }
      isRewritten[place] = true
      drop(place)
    }

    private mutating func drop(_ place: Int) {
      deadTotal -= dead[place]
      dead[place] = 0
      live[place] = 0
      members[place] = 0
      used -= 1
      if isOriginal[place] {
        isOriginal[place] = false
        gone[place] += 1
      }
    }
  }
}
