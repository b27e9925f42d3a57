import ArgumentParser
import ImageAssembly
import LayerGraph
import OCICore

/// Shows which store paths would share a layer. Reads the closure alone, not the store.
struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show which store paths share a layer, and why.",
    discussion: """
      Example: flywheel plan --closure closure.json --max-layers 20

      Only the closure is read; the store paths need not be on this machine. Layers are printed from the bottom up. Where \
      build puts something at the root (--copy-to-root), one of its layers is for that.
      """)

  @OptionGroup var source: ClosureOptions

  @Flag(help: "Print one JSON object: {\"layers\": [{\"paths\": [...], \"bytes\": n, \"reason\": \"...\"}]}.")
  var json = false

  func run() async throws {
    try await reportingErrors {
      let graph = try await source.graph()
      let plan = try PlanningRequest(graph, maximumLayers: source.maxLayers).plan(with: LargestFirst())
      if json {
        try Output.print(Output.json(plan).prettyText)
      } else {
        try Output.print(plan, graph)
      }
    }
  }
}
