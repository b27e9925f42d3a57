import ImageAssembly
import LayerGraph
import SystemPackage

/// Our planner beside the known ones: over recorded histories, over a fleet, and how time grows with the number of
/// paths.
@main
struct PlanBenchmark {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard let mode = arguments.first, ["histories", "fleet", "scale"].contains(mode) else {
      print("usage: PlanBenchmark histories FILE... | fleet FILE | scale [PATHS...]")
      return
    }
    switch mode {
    case "histories": try await histories(arguments.dropFirst().map { FilePath($0) })
    case "fleet": for file in arguments.dropFirst() { try await fleet(FilePath(file)) }
    default:
      try scale(arguments.count > 1 ? arguments.dropFirst().compactMap { Int($0) } : [500, 5000, 20_000, 100_000])
    }
  }

  // MARK: Histories

  private static let budgets = [16, 32, 64, 100]
  /// What others publish; the baselines that re-send nearly everything are left out, as they are never the best.
  private static let known: [any PlanningStrategy] = [
    LargestFirst(), AutoLayer(), Rechunk(isSticky: true), Rechunk(isSticky: false), Chunkah(), ApkoOrigin(), Nixery(),
  ]

  private struct Row {
    var wasteStrict: Double
    var wasteRetained: Double
    var chainStrict: Double
    var chainRetained: Double
    var dead: Double
    var loss: Double
  }

  private static func histories(_ files: [FilePath]) async throws {
    var rows: [Int: [Row]] = [:]
    print(
      "waste: bytes pulled beyond the unavoidable, % of the image for one update; ratios are ours to the best known one"
    )
    print(
      "history            layers  change   known  strict        10% dead      dead  most   chain: known  strict  10% dead"
    )
    for file in files {
      let history = try await ImageHistory(files: [file])
      for image in history.images {
        let replay = try Replay(try history.versions(of: image))
        for budget in budgets {
          let others = try known.map { try replay.run($0, maximumLayers: budget) }
          let strict = try replay.run(LeastBytes(), maximumLayers: budget)
          let retained = try replay.run(LeastBytes(), maximumLayers: budget, deadShare: 0.1)
          let waste = others.map(\.waste).min() ?? 0
          let chain = others.map(\.chainShare.mean).min() ?? 0
          let name = file.lastComponent?.stem ?? image
          print(
            [
              name.padded(19), "\(budget)".leftPadded(6), percent(strict.unavoidableShare.mean), percent(waste),
              percent(strict.waste),
              ratio(strict.waste / waste), percent(retained.waste), ratio(retained.waste / waste),
              percent(retained.deadBytesShare.mean), percent(retained.mostDeadShare), percent(chain).leftPadded(14),
              percent(strict.chainShare.mean), percent(retained.chainShare.mean),
            ].joined())
          rows[budget, default: []].append(
            Row(
              wasteStrict: strict.waste / waste, wasteRetained: retained.waste / waste,
              chainStrict: strict.chainShare.mean / chain, chainRetained: retained.chainShare.mean / chain,
              dead: retained.deadBytesShare.mean, loss: strict.waste - waste))
        }
      }
    }
    print(
      "\nmean of the ratios\nlayers  strict (bar 65%)  10% dead (bar 30% at 16, 25% above)  dead (bar 5%)  chain, at most (bar 100%)"
    )
    for budget in budgets {
      guard let own = rows[budget] else { continue }
      func mean(_ figure: (Row) -> Double) -> Double { own.reduce(0) { $0 + figure($1) } / Double(own.count) }
      func most(_ figure: (Row) -> Double) -> Double { own.map(figure).max() ?? 0 }
      print(
        "\(budget)".leftPadded(6), percent(mean(\.wasteStrict)).leftPadded(14),
        percent(mean(\.wasteRetained)).leftPadded(24),
        percent(mean(\.dead)).leftPadded(26), percent(most { max($0.chainStrict, $0.chainRetained) }).leftPadded(20))
    }
    let loss = rows.values.joined().map(\.loss).max() ?? 0
    print("strict at its worst beside the best known one: \(percent(loss)) of the image (bar 0.5%)")
  }

  // MARK: Fleet

  private static func fleet(_ file: FilePath) async throws {
    let history = try await ImageHistory(files: [file])
    print("\(file): \(history.images.count) images; bytes in a registry over bytes that are different")
    print("layers  fleet  largest-first  auto-layer  nix2container  planning")
    for budget in [8, 16, 32, 64] {
      let request = try history.fleetRequest(maximumLayers: budget)
      let unique = Double(try request.union().totalSize)
      let clock = ContinuousClock()
      let start = clock.now
      let plan = try request.plan()
      let duration = clock.now - start
      func alone(_ strategy: some PlanningStrategy) throws -> Double {
        var stored: [[String]: Int64] = [:]
        for image in request.images {
          for layer in try PlanningRequest(image.graph, maximumLayers: budget).plan(with: strategy).layers {
            stored[layer.paths] = layer.bytes
          }
        }
        return Double(stored.values.reduce(0, +)) / unique
      }
      print(
        "\(budget)".leftPadded(6), decimal(Double(plan.registryBytes) / unique),
        decimal(try alone(LargestFirst())).leftPadded(13),
        decimal(try alone(AutoLayer())).leftPadded(11), decimal(try alone(Nix2ContainerPopularity())).leftPadded(13),
        "   \(duration)")
    }
  }

  // MARK: Scale

  /// Versions of an image whose layers are kept, of so many paths that refer to three others each.
  private static func scale(_ counts: [Int]) throws {
    print("paths  version  graph  history  plan (100 layers, 10% dead)")
    for count in counts {
      var random = Generator(state: 7)
      var generation = [Int](repeating: 0, count: count)
      let references = (0..<count).map { index in
        index == 0 ? [] : (0..<3).map { _ in Int(random.share() * random.share() * Double(index)) }
      }
      let sizes = (0..<count).map { _ in
        let share = random.share()
        return Int64(1000 + share * share * share * share * share * 30_000_000)
      }
      var history = ChangeHistory()
      var plan: LayerPlan?
      let clock = ContinuousClock()
      for version in 0..<4 {
        func path(_ index: Int) -> String { "/nix/store/\(generation[index])-package\(index)x-1.\(generation[index])" }
        let start = clock.now
        let graph = try StoreGraph(
          (0..<count).map { .init(path: path($0), size: sizes[$0], references: references[$0].map(path)) })
        let read = clock.now
        history.record(graph)
        let recorded = clock.now
        var request = try PlanningRequest(graph, maximumLayers: 100)
        request.previous = plan
        request.history = history
        request.deadShare = 0.1
        plan = try request.plan(with: LeastBytes())
        print(
          "\(count)".leftPadded(6), "\(version)".leftPadded(5),
          "  \(read - start)  \(recorded - read)  \(clock.now - recorded)")
        for index in 0..<count {
          let isRebuilt = index % 3 == 0 && references[index].contains { generation[$0] == version + 1 }
          if random.share() < 0.02 || isRebuilt { generation[index] = version + 1 }
        }
      }
    }
  }

  private struct Generator {
    var state: UInt64

    mutating func share() -> Double {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Double(state >> 11) * 0x1p-53
    }
  }

  // MARK: Text

  private static func percent(_ share: Double) -> String { "\(decimal(share * 100))%".leftPadded(8) }

  private static func ratio(_ value: Double) -> String { "(\(Int((value * 100).rounded()))%)".leftPadded(7) }

  private static func decimal(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let rest = hundredths.magnitude % 100
    return "\(hundredths < 0 ? "-" : "")\(hundredths.magnitude / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}

extension String {
  fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

  fileprivate func leftPadded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
