/// A request as numbers: items, layers that can be kept, and the futures that decisions are measured by.
struct PlanningProblem {
  /// A layer of the previous plan that can be kept.
  struct Candidate {
    /// Its items that are still there, ascending.
    var live: [Int]
    /// Its paths that departed.
    var dead: [String]
    var liveBytes: Double
    var deadBytes: Double
    /// Its place in the previous plan.
    var place: Int
    var bytes: Int64
  }

  /// What to write again and how to divide it.
  struct Choice {
    /// Candidates that are not kept.
    var rewritten: Set<Int> = []
    var groups: [[Int]] = []
    var cost = Double.infinity
  }

  let request: PlanningRequest
  let sizes: [Double]
  let total: Double
  let limit: Int
  let isStrict: Bool
  /// The most dead bytes to be planned with, and the most allowed.
  let deadLimit: Double
  let model: ChangeModel
  let candidates: [Candidate]
  let simulation: Simulation
  /// The position of each item in the simulation, or -1.
  private let position: [Int32]
  private let simulated: [Int]
  private let parameters: LeastBytes.Parameters

  init(_ request: PlanningRequest, _ parameters: LeastBytes.Parameters) {
    self.request = request
    let nodes = request.graph.nodes
    let sizes = nodes.map { Double($0.size) }
    let total = sizes.reduce(0, +)
    limit = request.maximumLayers
    isStrict = request.deadShare <= 0
    deadLimit = request.deadShare * parameters.deadUse * total
    model = ChangeModel(request.graph, GraphIndex(request.graph), request.history, parameters.model)
    let candidates = Self.candidates(request, sizes)
    // The largest items take part in the simulation, and the largest of every layer, so that no layer seems empty.
    let bySize = sizes.indices.sorted { (sizes[$0], $1) > (sizes[$1], $0) }
    var isSimulated = [Bool](repeating: false, count: sizes.count)
    var covered = 0.0
    for item in bySize.prefix(parameters.simulatedItems) where covered <= parameters.simulatedShare * total {
      isSimulated[item] = true
      covered += sizes[item]
    }
    for candidate in candidates {
      if let largest = candidate.live.max(by: { (sizes[$0], $1) < (sizes[$1], $0) }) { isSimulated[largest] = true }
    }
    let simulated = bySize.filter { isSimulated[$0] }
    var position = [Int32](repeating: -1, count: sizes.count)
    for (index, item) in simulated.enumerated() { position[item] = Int32(index) }
    self.position = position
    simulation = Simulation(
      futures: model.futures(of: simulated, count: parameters.futures, versions: parameters.versions),
      sizes: simulated.map { sizes[$0] }, limit: limit, deadLimit: isStrict ? -1 : deadLimit,
      deadPrice: isStrict ? 0 : parameters.deadPrice)
    self.simulated = simulated
    self.parameters = parameters
    self.candidates = candidates
    self.sizes = sizes
    self.total = total
  }

  private static func candidates(_ request: PlanningRequest, _ sizes: [Double]) -> [Candidate] {
    var number: [String: Int] = [:]
    number.reserveCapacity(sizes.count)
    for (index, node) in request.graph.nodes.enumerated() { number[node.path] = index }
    var isTaken = [Bool](repeating: false, count: sizes.count)
    var result: [Candidate] = []
    for (place, layer) in (request.previous?.layers ?? []).enumerated() {
      let members = layer.members
      let live = members.compactMap { number[$0] }
      // A plan from elsewhere may give a path twice; the lower layer keeps it.
      guard !live.isEmpty, live.allSatisfy({ !isTaken[$0] }) else { continue }
      let liveBytes = live.reduce(0) { $0 + sizes[$1] }
      let isClean = live.count == members.count
      // Without the size of what departed, nobody can say what keeping the layer costs.
      guard isClean || (request.deadShare > 0 && Double(layer.bytes) > liveBytes) else { continue }
      for item in live { isTaken[item] = true }
      result.append(
        Candidate(
          live: live, dead: members.filter { number[$0] == nil }, liveBytes: liveBytes,
          deadBytes: isClean ? 0 : Double(layer.bytes) - liveBytes, place: place,
          bytes: isClean ? live.reduce(0) { $0 + request.graph.nodes[$1].size } : layer.bytes))
    }
    return result
  }

  /// What has to be written: all that no kept layer holds.
  func pool(_ rewritten: Set<Int>) -> [Int] {
    var isKept = [Bool](repeating: false, count: sizes.count)
    for (index, candidate) in candidates.enumerated() where !rewritten.contains(index) {
      for item in candidate.live { isKept[item] = true }
    }
    return isKept.indices.filter { !isKept[$0] }
  }

  /// How many layers are left for what has to be written.
  func freeSlots(_ rewritten: Set<Int>) -> Int { limit - (candidates.count - rewritten.count) }

  /// The dead bytes of the layers that are kept.
  func deadBytes(_ rewritten: Set<Int>) -> Double {
    candidates.indices.reduce(0) { rewritten.contains($1) ? $0 : $0 + candidates[$1].deadBytes }
  }

  func isFeasible(_ rewritten: Set<Int>) -> Bool {
    guard isStrict || deadBytes(rewritten) <= deadLimit else { return false }
    let free = freeSlots(rewritten)
    return free > 0 || (free == 0 && pool(rewritten).isEmpty)
  }

  /// What a choice costs: bytes written again now, spread over the versions simulated, and what follows from it.
  func cost(_ choice: Choice) -> Double {
    let now = choice.rewritten.reduce(0) { $0 + candidates[$1].liveBytes }
    let versions = Double(parameters.versions)
    return (now + parameters.chainPrice * bytesAboveFirstMissing(choice)) / versions
      + simulation.outcome(state(choice)).cost
  }

  /// Bytes of kept layers above the first one that is not where it was: what chain stores fetch again for nothing.
  private func bytesAboveFirstMissing(_ choice: Choice) -> Double {
    var expected = 0
    var bytes = 0.0
    for (index, candidate) in candidates.enumerated() where !choice.rewritten.contains(index) {
      if candidate.place == expected { expected += 1 } else { bytes += candidate.liveBytes + candidate.deadBytes }
    }
    return bytes
  }

  /// What becomes of each layer of a choice: the kept candidates first, then the groups.
  ///
  /// More versions are looked at than for the choice, because what is kept now may have to be written again later.
  func outlook(_ choice: Choice) -> Simulation.Outcome {
    var longer = simulation
    longer.futures = model.futures(
      of: simulated, count: parameters.orderFutures, versions: parameters.orderVersions)
    return longer.outcome(state(choice))
  }

  private func state(_ choice: Choice) -> Simulation.State {
    var state = Simulation.State(layer: .init(repeating: -1, count: simulation.sizes.count), live: [], dead: [])
    func add(_ items: [Int], live: Double, dead: Double) {
      for item in items where position[item] >= 0 { state.layer[Int(position[item])] = Int32(state.live.count) }
      state.live.append(live)
      state.dead.append(dead)
    }
    for (index, candidate) in candidates.enumerated() where !choice.rewritten.contains(index) {
      add(candidate.live, live: candidate.liveBytes, dead: candidate.deadBytes)
    }
    for group in choice.groups { add(group, live: group.reduce(0) { $0 + sizes[$1] }, dead: 0) }
    return state
  }
}
