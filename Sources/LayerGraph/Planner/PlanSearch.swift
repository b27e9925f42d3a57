/// Looks for the layers to write again, and for the division of what is written, that cost least.
struct PlanSearch {
  private typealias Choice = PlanningProblem.Choice
  private let problem: PlanningProblem

  init(_ problem: PlanningProblem) { self.problem = problem }

  /// The cheapest choice found, starting from the one that writes the least now.
  func best() -> PlanningProblem.Choice {
    var best = division(of: required())
    for _ in 0..<3 {
      guard let better = improved(best) else { break }
      best = better
    }
    return best
  }

  /// Layers are given up until the others are within both budgets: the one with the highest share of dead bytes while
  /// there are too many, then the one with the fewest bytes.
  private func required() -> Set<Int> {
    let candidates = problem.candidates
    var rewritten: Set<Int> = []
    while !problem.isFeasible(rewritten) {
      let left = candidates.indices.filter { !rewritten.contains($0) }
      let next =
        !problem.isStrict && problem.deadBytes(rewritten) > problem.deadLimit
        ? left.max {
          candidates[$0].deadBytes * candidates[$1].liveBytes < candidates[$1].deadBytes * candidates[$0].liveBytes
        }
        : left.min { candidates[$0].liveBytes < candidates[$1].liveBytes }
      guard let next else { break }
      rewritten.insert(next)
    }
    return rewritten
  }

  /// The first choice that is better and differs in one layer, of the few that look best at a glance.
  private func improved(_ best: Choice) -> Choice? {
    var glances: [Choice] = []
    for index in worthALook(best) {
      var choice = Choice(rewritten: best.rewritten.symmetricDifference([index]))
      guard problem.isFeasible(choice.rewritten) else { continue }
      let limit = max(1, min(best.groups.count, problem.freeSlots(choice.rewritten)))
      choice.groups = largestFirst(problem.pool(choice.rewritten), limit: limit)
      choice.cost = problem.cost(choice)
      glances.append(choice)
    }
    glances.sort { $0.cost < $1.cost }
    for glance in glances.prefix(3) {
      let choice = division(of: glance.rewritten, near: glance.groups.count)
      if choice.cost < best.cost * 0.9999 { return choice }
    }
    return nil
  }

  /// The layers given up, and of the others those that cost least to write again and those with the highest share of
  /// dead bytes.
  private func worthALook(_ best: Choice) -> [Int] {
    let candidates = problem.candidates
    let kept = candidates.indices.filter { !best.rewritten.contains($0) }
    let small = kept.sorted { (candidates[$0].liveBytes, $0) < (candidates[$1].liveBytes, $1) }.prefix(Self.width)
    let dead = kept.filter { candidates[$0].deadBytes > 0 }.sorted { left, right in
      let (a, b) = (candidates[left], candidates[right])
      let (first, second) = (a.deadBytes * b.liveBytes, b.deadBytes * a.liveBytes)
      return first != second ? first > second : left < right
    }.prefix(Self.width)
    return Set(small).union(dead).union(best.rewritten).sorted()
  }

  /// How many layers of each kind are looked at.
  private static let width = 12

  /// The best way to divide what has to be written, over several numbers of layers.
  /// - Parameter near: A number that seemed good, to try few; `nil` to try many.
  private func division(of rewritten: Set<Int>, near guess: Int? = nil) -> Choice {
    let pool = problem.pool(rewritten)
    var best = Choice(rewritten: rewritten)
    guard !pool.isEmpty else {
      best.cost = problem.cost(best)
      return best
    }
    let free = problem.freeSlots(rewritten)
    let tried = guess.map { [$0, free] } ?? [1, free / 4, free / 2, free - 1, free]
    let limits = Set(tried.map { max(1, min($0, pool.count)) })
    for limit in limits.sorted() {
      // Few items are worth many tries.
      let starts = pool.count <= 24 ? PartitionSearch.Start.allCases : [.largestFirst]
      let searches = PartitionSearch.all(
        pool, sizes: problem.sizes, limit: limit, model: problem.model, starts: starts)
      for groups in [largestFirst(pool, limit: limit)] + searches.map(\.result) {
        var choice = Choice(rewritten: rewritten, groups: groups)
        choice.cost = problem.cost(choice)
        if choice.cost < best.cost { best = choice }
      }
    }
    return best
  }

  private func largestFirst(_ pool: [Int], limit: Int) -> [[Int]] {
    let sizes = problem.sizes
    let sorted = pool.sorted { (sizes[$0], $1) > (sizes[$1], $0) }
    let alone = sorted.count <= limit ? sorted.count : limit - 1
    let rest = Array(sorted[alone...])
    return sorted[..<alone].map { [$0] } + (rest.isEmpty ? [] : [rest])
  }
}
