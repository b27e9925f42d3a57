import ArgumentParser
import ImageAssembly
import LayerGraph
import OCICore
import SystemPackage

/// Which store paths share a layer, now or over a recorded history.
struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show which store paths share a layer, and why; replay a history; plan a fleet.",
    discussion: """
      Examples:
        flywheel plan --closure closure.json --max-layers 20 --explain
        flywheel plan --closure new.json --previous plan.json --dead-bytes 10 \\
          --json
        flywheel plan replay --history versions.jsonl.gz --max-layers 32 64
        flywheel plan fleet --history images.jsonl --max-layers 32

      'flywheel plan show --help' and 'flywheel plan replay --help' tell the options.
      """,
    subcommands: [ShowPlanCommand.self, ReplayCommand.self, FleetCommand.self],
    defaultSubcommand: ShowPlanCommand.self)
}

/// Shows which store paths would share a layer. Reads the closure alone, not the store.
struct ShowPlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show which store paths share a layer, and why.",
    discussion: """
      Examples:
        flywheel plan --closure closure.json --max-layers 20 --explain
        flywheel plan --closure closure.json --json > plan.json
        flywheel plan --closure new.json --previous plan.json --dead-bytes 10 \\
          --history versions.jsonl.gz --json

      Only the closure is read; the store paths need not be on this machine. Layers are printed from the bottom up. Where \
      build puts something at the root (--copy-to-root) or hides departed paths (--dead-bytes), one of its layers is for that.

      Check the plan in, and give it as --previous with the next version: layers that lost nothing are kept as they are.
      """)

  @OptionGroup var source: ClosureOptions

  @OptionGroup(title: "Binary caches") var binaryCaches: BinaryCacheOptions

  @OptionGroup(title: "Planning") var planning: PlanningArguments

  @Flag(help: "Say what each layer and other ways to divide are expected to cost.")
  var explain = false

  @Flag(
    help: """
      Print one JSON object: {"layers": [{"paths": [...], "dead": [...], "bytes": n, "reason": "..."}], "whiteouts": [...]}; \
      with --explain more. It can be given as --previous.
      """)
  var json = false

  @Option(
    help: ArgumentHelp("Write the plan as nix2container's layersFile, a list of lists.", valueName: "file"),
    completion: .file())
  var layersFile: String?

  @Option(
    help: ArgumentHelp(
      "Write a page of its own, or with - print it: the layers as areas coloured by how likely they change, and with --history what each update moved.",
      valueName: "file"), completion: .file())
  var html: String?

  @OptionGroup(title: "Output") var console: ConsoleOptions

  func validate() throws {
    try source.requireClosure()
    guard html != "-" || !json else { throw ValidationError("--html - and --json both print; give --html a file") }
  }

  func run() async throws {
    try await reportingErrors {
      let graph = try await binaryCaches.withCaches(ProgressPrinter(style: console.quiet ? .none : .auto)) { caches in
        try await source.graph(caches: caches)
      }
      let options = try await planning.options()
      let request = try options.request(for: graph, maximumLayers: planning.maxLayers)
      let plan = try request.plan(with: options.strategy)
      var explanation: PlanExplanation?
      if explain || html != nil {
        explanation = try PlanExplanation(
          plan, for: request, alternatives: Self.alternatives(to: options.strategy, graph))
      }
      if let layersFile {
        try Output.write(plan.layersFile.prettyText + "\n", to: FilePath(layersFile))
        if !plan.whiteouts.isEmpty {
          Console.warn(
            "'\(layersFile)' cannot say which departed paths are kept; layers that keep some will be written again"
          )
        }
      }
      if let html, let explanation {
        let page = PlanPage(
          plan: plan, explanation: explanation, reports: try reports(options), maximumLayers: planning.maxLayers)
        if try Output.writePage(page.html, to: html) { return }
      }
      if json {
        try Output.print(
          PlanDocument(plan: plan, history: request.history, explanation: explain ? explanation : nil).json.prettyText)
      } else {
        try Output.print(plan, graph, explain ? explanation : nil)
      }
    }
  }

  private static func alternatives(to strategy: any PlanningStrategy, _ graph: StoreGraph) -> [any PlanningStrategy] {
    PlanningStrategies.affordable(for: graph.nodes.count).filter { $0.name != strategy.name }
  }

  /// The history replayed through our strategy and the known ones that do best.
  private func reports(_ options: PlanningOptions) throws -> [ReplayReport] {
    guard options.versions.count >= 2 else { return [] }
    let replay = try Replay(options.versions)
    var strategies: [any PlanningStrategy] = [options.strategy]
    strategies += ["largest-first", "auto-layer", "rechunk-sticky", "nix2container"].compactMap { name in
      name == options.strategy.name ? nil : PlanningStrategies.named(name)
    }
    return try strategies.map {
      try replay.run(
        $0, maximumLayers: planning.maxLayers, deadShare: $0.name == options.strategy.name ? options.deadShare : 0)
    }
  }
}
