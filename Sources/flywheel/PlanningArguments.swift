import ArgumentParser
import ImageAssembly
import LayerGraph
import OCICore
import Registry
import SystemPackage

/// How store paths are divided into layers: the options that build and plan share.
struct PlanningArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The most layers that store paths are divided into; --strategy says how.", valueName: "n"))
  var maxLayers = ClosureImage.defaultMaximumLayers

  @Option(
    help: ArgumentHelp("How to divide: \(Self.names).", valueName: "name"),
    completion: .list(PlanningStrategies.all.map(\.name)))
  var strategy = LeastBytes().name

  @Option(
    help: ArgumentHelp(
      "The plan of the version before, so that its layers are kept: a file that plan --json or --layers-file wrote, or the image itself, "
        + "oci:DIR:TAG or docker://HOST/REPOSITORY:TAG.", valueName: "plan"), completion: .file())
  var previous: String?

  @Option(
    help: ArgumentHelp(
      "How many percent of the image departed paths may take up in layers that are kept; they are hidden by whiteouts in one more layer.",
      valueName: "percent"))
  var deadBytes = 0.0

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Earlier versions, one a line, as JSON, also compressed: what changed together goes into one layer.",
      valueName: "file"), completion: .file())
  var history: [String] = []

  @Option(help: ArgumentHelp("The image in the history, where it has several.", valueName: "name"))
  var image: String?

  @Option(
    help: ArgumentHelp(
      "What layers have to respect, as JSON: {\"pinned\": [[PATH, ...]], \"apart\": [[PATH, ...]], \"ignored\": [PATH, ...], "
        + "\"minimumLayerBytes\": n, \"baseLayers\": n}.", valueName: "file"), completion: .file())
  var constraints: String?

  /// Whether something is asked for that only a closure can have.
  var isGiven: Bool { previous != nil || deadBytes > 0 || !history.isEmpty || image != nil || constraints != nil }

  static let names = PlanningStrategies.all.map(\.name).joined(separator: ", ")

  static func strategy(named name: String) throws -> any PlanningStrategy {
    guard let strategy = PlanningStrategies.named(name) else {
      throw ValidationError("there is no strategy '\(name)'; there are \(names)")
    }
    return strategy
  }

  func validate() throws {
    _ = try Self.strategy(named: strategy)
    guard maxLayers >= 1 else { throw ValidationError("--max-layers must be at least 1") }
    guard deadBytes >= 0, deadBytes < 100 else {
      throw ValidationError("--dead-bytes is a percentage, from 0 up to 100")
    }
  }

  func options() async throws -> PlanningOptions {
    var options = PlanningOptions()
    options.strategy = try Self.strategy(named: strategy)
    options.deadShare = deadBytes / 100
    if let previous {
      let document = try await Self.plan(previous)
      options.previous = document.plan
      options.history = document.history
    }
    if !history.isEmpty {
      options.versions = try await ImageHistory(files: history.map { FilePath($0) }).versions(of: image)
    }
    if let constraints { options.constraints = try PlanningConstraints(jsonFile: FilePath(constraints)) }
    return options
  }

  /// A plan from a file, or from an image that has it in its annotations.
  private static func plan(_ text: String) async throws -> PlanDocument {
    guard Location.isPlace(text) else {
      return try PlanDocument(jsonFile: FilePath(text))
    }
    let location = try Location(text)
    return try await RegistryClient.using(location.isRegistry ? try .system() : RegistryConfiguration()) { client in
      try await plan(of: location.tag, in: location.store(client), text)
    }
  }

  private static func plan(of tag: String?, in store: some TagStore, _ name: String) async throws -> PlanDocument {
    guard let descriptor = try await store.resolve(tag ?? "latest") else {
      throw AssemblyError(.fileUnreadable, "'\(name)' is not there; leave --previous out for the first version")
    }
    guard case .manifest(let manifest) = try await store.manifest(descriptor).manifest else {
      throw AssemblyError(.invalidPlan, "'\(name)' is an index of images; name the image of one platform")
    }
    return PlanDocument(plan: try LayerPlan(recoveredFrom: manifest, name: name))
  }
}
