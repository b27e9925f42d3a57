import ArgumentParser
import ImageAssembly
import LayerGraph
import OCICore
import SystemPackage

/// Plans a recorded history as it would have been planned, and says what each strategy would have moved.
struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Replay a history through strategies, and compare what they move.",
    discussion: """
      Example:
        flywheel plan replay --history versions.jsonl.gz --max-layers 32 64 \\
          --dead-bytes 10

      Each version is planned with the plan of the one before. Figures are shares of the image for one update: what a store \
      pulls that has the version before, by digest or, as Docker's classic store does, with everything above the first missing \
      layer (chain); the waste is what is pulled by digest beyond the paths that changed. The cheapest comes first.

      A line of the history is one version: {"time": SECONDS, "images": {NAME: [PATH, ...]}, "graph": [{"path", "narSize", "references"}]}.
      """)

  @Option(
    parsing: .upToNextOption, help: ArgumentHelp("Versions, one a line, also compressed.", valueName: "file"),
    completion: .file())
  var history: [String]

  @Option(help: ArgumentHelp("The image, where the history has several; all of them unless told.", valueName: "name"))
  var image: String?

  @Option(
    parsing: .upToNextOption, help: ArgumentHelp("The most layers; several are tried one by one.", valueName: "n"))
  var maxLayers: [Int] = [ClosureImage.defaultMaximumLayers]

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("The strategies; all unless told: \(PlanningArguments.names).", valueName: "name"),
    completion: .list(PlanningStrategies.all.map(\.name)))
  var strategy: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Percents of dead bytes to try for least-bytes, the only strategy that keeps any.", valueName: "percent"))
  var deadBytes: [Double] = [0]

  @Option(help: ArgumentHelp("Versions before the first update that counts.", valueName: "n"))
  var warmUp = 10

  @Option(
    help: ArgumentHelp(
      "What chain stores count against digest stores in the order of the results, 0 to 1.", valueName: "share"))
  var chainWeight = 0.0

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup(title: "Output") var console: ConsoleOptions

  func validate() throws {
    guard maxLayers.allSatisfy({ $0 >= 1 }), !maxLayers.isEmpty else {
      throw ValidationError("--max-layers must be at least 1")
    }
    guard deadBytes.allSatisfy({ $0 >= 0 && $0 < 100 }) else {
      throw ValidationError("--dead-bytes is a percentage, from 0 up to 100")
    }
    guard (0...1).contains(chainWeight) else { throw ValidationError("--chain-weight is a share, from 0 to 1") }
    guard warmUp >= 1 else { throw ValidationError("--warm-up must be at least 1") }
    for name in strategy { _ = try PlanningArguments.strategy(named: name) }
  }

  func run() async throws {
    try await reportingErrors {
      let history = try await ImageHistory(files: history.map { FilePath($0) })
      let names = image.map { [$0] } ?? history.images
      let cost = TransferCost(digest: 1 - chainWeight, chain: chainWeight)
      let progress = ProgressPrinter(style: console.quiet ? .none : .auto)
      var results: [(image: String, reports: [ReplayReport])] = []
      for name in names {
        let replay = try Replay(try history.versions(of: name), warmUp: warmUp)
        for layers in maxLayers {
          let reports = try await reports(replay, layers, image: name, progress)
          results.append((name, reports.sorted { cost.of($0) < cost.of($1) }))
        }
      }
      if json {
        try Output.print(
          JSON.object(["results": .array(results.flatMap { image, reports in reports.map { $0.json(image: image) } })])
            .prettyText)
      } else {
        for (image, reports) in results { try Output.print(reports, image: image) }
      }
    }
  }

  /// All strategies at once: each is a computation of its own.
  private func reports(
    _ replay: Replay, _ layers: Int, image: String, _ progress: ProgressPrinter
  ) async throws -> [ReplayReport] {
    let strategies =
      strategy.isEmpty ? PlanningStrategies.all : try strategy.map { try PlanningArguments.strategy(named: $0) }
    // Dead bytes mean nothing to the others.
    let jobs = strategies.flatMap { strategy in
      (strategy is LeastBytes ? deadBytes : [0]).map { (strategy: strategy, share: $0 / 100) }
    }
    return try await jobs.concurrentMap(width: 4) { job in
      progress.working(on: "replaying \(image) in at most \(layers) layers: \(job.strategy.name)")
      return try replay.run(job.strategy, maximumLayers: layers, deadShare: job.share)
    }
  }
}
