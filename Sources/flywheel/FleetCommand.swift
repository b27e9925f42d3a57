import ArgumentParser
import ImageAssembly
import LayerGraph
import OCICore
import SystemPackage

/// Plans many images at once.
struct FleetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fleet",
    abstract: "Plan many images at once, so that what they share is stored and pulled once.",
    discussion: """
      Example: flywheel plan fleet --history images.jsonl --max-layers 32 --json

      The images are those of the last line of the history: {"time": SECONDS, "images": {NAME: [PATH, ...]}, "graph": [...]}; the lines \
      before it say what changes. Without --json a line for each image is printed.

      Give the JSON object as --previous with the next version: layers that are still right are kept, and used by images that join.
      """)

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Versions of the fleet, one a line, also compressed.", valueName: "file"), completion: .file())
  var history: [String]

  @Option(help: ArgumentHelp("The most layers of each image.", valueName: "n"))
  var maxLayers = ClosureImage.defaultMaximumLayers

  @Option(
    help: ArgumentHelp("The plan of the version before, as --json printed it.", valueName: "file"), completion: .file())
  var previous: String?

  @Flag(
    help: "Print one JSON object: {\"layers\": [{\"paths\": [...], \"bytes\": n}], \"images\": {NAME: [0, ...]}, ...}.")
  var json = false

  @OptionGroup(title: "Output") var console: ConsoleOptions

  func validate() throws {
    guard maxLayers >= 1 else { throw ValidationError("--max-layers must be at least 1") }
  }

  func run() async throws {
    try await reportingErrors {
      let history = try await ImageHistory(files: history.map { FilePath($0) })
      var request = try history.fleetRequest(maximumLayers: maxLayers)
      if let previous { request.previous = try FleetPlan(jsonFile: FilePath(previous)) }
      let plan = try request.plan()
      let unique = try request.union().totalSize
      if json {
        guard var object = plan.json.objectValue else { return }
        object["registryBytes"] = .integer(plan.registryBytes)
        object["uniqueBytes"] = .integer(unique)
        try Output.print(JSON.object(object).prettyText)
      } else {
        try Output.print(plan, uniqueBytes: unique)
      }
    }
  }
}
