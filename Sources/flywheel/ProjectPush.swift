import ImageAssembly
import ImageProject
import OCICore
import Registry
import SystemPackage

/// Builds and pushes all images of a project in one call: one client, so that what images share goes to a registry once.
struct ProjectPush {
  let project: Project
  let context: String?
  /// The images that are meant; empty for all.
  let names: [String]
  let stamp: Stamp
  let isDryRun: Bool
  let cache: LayerDigestCache?
  let caches: BinaryCaches?
  let progress: ProgressPrinter

  /// What became of one image.
  struct Outcome {
    var name: String
    var destination: String
    var digest: Digest?
    var tags: [String] = []
    var report: CopyReport?
    var plan: CopyPlan?
    var failure: (any Error)?
  }

  func images() throws -> [ProjectImage] {
    if let stray = names.first(where: { name in !project.images.contains { $0.name == name } }) {
      throw AssemblyError(
        .invalidSettings,
        "the project has no image '\(stray)'; it has \(project.images.map(\.name).joined(separator: ", "))")
    }
    return project.images.filter { names.isEmpty || names.contains($0.name) }
  }

  /// Runs one image after the other; a failure does not stop the others.
  func run(_ client: RegistryClient) async throws -> [Outcome] {
    let (_, prefix) = try project.context(context)
    let lock = try project.lockFile.map { try BaseLock(file: $0) }
    let build = BuildEnvironment(stamp, defaultBranch: project.defaultBranch)
    var outcomes: [Outcome] = []
    for image in try images() {
      try Task.checkCancellation()
      var outcome = Outcome(name: image.name, destination: "\(prefix)/\(image.repository)")
      do {
        let reference = try project.repository(of: image, prefix: prefix, stamp: stamp)
        outcome.destination = "\(reference)"
        Console.note("\(image.name):")
        try await push(image, to: reference, client, lock, build, &outcome)
      } catch {
        outcome.failure = error
        if !(error is CancellationError) { ErrorReport(error, of: image.name).show() }
      }
      outcomes.append(outcome)
    }
    return outcomes
  }

  private func push(
    _ image: ProjectImage, to reference: ImageReference, _ client: RegistryClient, _ lock: BaseLock?,
    _ build: BuildEnvironment, _ outcome: inout Outcome
  ) async throws {
    let epoch = try Environment.sourceDateEpoch()
    let result = try await image.assemble(
      stamp: stamp, cache: cache, caches: caches, modificationTime: epoch ?? 1,
      created: epoch.map { Timestamp.text($0) },
      base: { name, platform in
        guard let lock else { return try await BaseOptions.image(name, client, platform: platform) }
        guard let pinned = lock.digests[name] else {
          throw AssemblyError(
            .invalidSettings, "the project's lock file does not have the base '\(name)'; add it with flywheel lock")
        }
        return try await BaseOptions.image(name, pinned: pinned, client, platform: platform)
      }, onProgress: progress.report)
    let thing =
      switch result {
      case .image(let image): Deliverable.image(image)
      case .index(let index): Deliverable.index(index)
      }
    outcome.digest = result.descriptor.digest
    outcome.tags = try TagRule.tags(image.tags ?? project.tags, digest: result.descriptor.digest, build: build) {
      Console.note("  \($0)")
    }
    let group = Destination.Group(place: .store(.registry(reference)), names: outcome.tags)
    let delivery = Delivery(client: client, progress: progress)
    if isDryRun {
      outcome.plan = try await delivery.plan(thing, [group]).first?.plan
    } else {
      outcome.report = try await delivery.deliver(thing, to: [group]).first?.report
    }
  }
}

extension Output {
  static func print(_ outcomes: [ProjectPush.Outcome], json: Bool) throws {
    guard !json else {
      let list = outcomes.map { outcome in
        var object: JSON.Object = ["image": .string(outcome.name), "destination": .string(outcome.destination)]
        if let digest = outcome.digest { object["digest"] = .string(digest.description) }
        object["tags"] = .strings(outcome.tags)
        if let report = outcome.report { object["report"] = Output.json(report, outcome.destination) }
        if let plan = outcome.plan { object["plan"] = Output.json(plan, outcome.destination) }
        if let failure = outcome.failure {
          object["error"] = .object(ErrorReport(failure).json)
        }
        return JSON.object(object)
      }
      return try print(JSON.object(["images": .array(list)]).prettyText)
    }
    for outcome in outcomes {
      if let plan = outcome.plan { try print(text(plan, outcome.destination)) }
      if outcome.report != nil, let digest = outcome.digest {
        try print("\(outcome.name) \(outcome.destination)@\(digest) \(outcome.tags.joined(separator: " "))")
      }
    }
  }
}
