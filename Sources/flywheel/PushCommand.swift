import ArgumentParser
import ImageAssembly
import ImageProject
import OCICore
import Registry
import SystemPackage
import Tarball

/// Pushes an image from its description.
struct PushCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "push",
    abstract: "Push an image from its description, or all images of a project.",
    discussion: """
      Examples:
        flywheel push image.json --to docker://ghcr.io/team/app:1.2 \\
          --to docker://ghcr.io/team/app:latest --tag-digest
        flywheel push result --compression gzip \\
          --to docker://registry.gitlab.com/group/app:latest
        flywheel push amd64.json arm64.json --to docker://ghcr.io/team/app:latest
        flywheel push --context overlay

      A description is what build --description writes, or the image.json of nix2container, whose layers are produced by its \
      rules to the byte; these are not compressed unless --compression says so. Several descriptions become one index, an image a \
      platform. Where the destination has the image, its sources need not be on this machine.

      Without descriptions the images of a project file (flywheel.yaml) are built and pushed to the destinations of a context, what they share once; docs/project-file.md has the form.
      """)

  @Argument(help: ArgumentHelp("Descriptions.", valueName: "description"), completion: .file())
  var descriptions: [String] = []

  @Option(help: ArgumentHelp("The project file.", valueName: "file"), completion: .file())
  var project = Project.fileName

  @Option(help: ArgumentHelp("The context of the project whose destinations are meant.", valueName: "name"))
  var context: String?

  @Option(help: ArgumentHelp("Of the project, only this image; repeat it.", valueName: "name"))
  var image: [String] = []

  @Option(
    help: ArgumentHelp(
      "Lines of NAME VALUE, as Bazel's workspace status, for what a project says as ${NAME}; repeat it.",
      valueName: "file"), completion: .file())
  var stampFile: [String] = []

  @Option(
    help: ArgumentHelp(
      "Compress the layers that are made here this way: none, gzip, gzip-libdeflate, gzip-isal or zstd, with :LEVEL if you like.",
      valueName: "encoding"), completion: .list(ConfigurationOptions.encodings))
  var compression: String?

  @Option(
    help: ArgumentHelp(
      "An annotation of the index, where there are several images; repeat it.", valueName: "name=value"))
  var annotation: [String] = []

  @OptionGroup(title: "Binary caches") var binaryCaches: BinaryCacheOptions

  @OptionGroup(title: "Result") var result: ResultOptions

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func validate() throws {
    guard descriptions.isEmpty || !result.to.isEmpty else {
      throw ValidationError("name at least one destination with --to")
    }
    guard !descriptions.isEmpty || result.to.isEmpty else {
      throw ValidationError("--to belongs to descriptions; a project's destinations are those of its contexts")
    }
    guard descriptions.isEmpty || context == nil && image.isEmpty && stampFile.isEmpty && project == Project.fileName
    else {
      throw ValidationError("--project, --context, --image and --stamp-file belong to a project, not to descriptions")
    }
    guard
      !descriptions.isEmpty || !result.tagDigest && result.digestFile == nil && compression == nil && annotation.isEmpty
    else {
      throw ValidationError(
        "--tag-digest, --digest-file, --compression and --annotation belong to descriptions; a project says 'tags: [content]', 'compression' and 'annotations' itself, and --json has the digests"
      )
    }
    guard annotation.isEmpty || descriptions.count > 1 else {
      throw ValidationError("--annotation is for the index of several images; an image has its annotations from build")
    }
    if let compression {
      do { _ = try LayerEncoding(parsing: compression) } catch { throw ValidationError(error.message) }
    }
  }

  func run() async throws {
    if descriptions.isEmpty { return try await pushProject() }
    try await reportingErrors {
      let destinations = try result.destinations()
      let progress = output.printer()
      let known = try ImageInput.descriptions(descriptions)
      try await binaryCaches.withCaches(progress, registries) { caches in
        try await registries.withClient(
          progress, isNeeded: destinations.contains(where: \.isRegistry) || !known.allSatisfy { $0.base == nil },
          mountingFrom: known.flatMap { Deliverable.image($0).mountSources }
        ) { client in
          let thing = try await self.thing(client, caches, progress)
          let delivery = Delivery(client: client, progress: progress, tagsContent: result.tagDigest)
          try await delivery.finish(thing, result, destinations, json: output.json)
        }
      }
    }
  }

  private func pushProject() async throws {
    try await reportingErrors {
      let progress = output.printer()
      let read = try Project.read(FilePath(project))
      for warning in read.warnings { Console.tell(warning) }
      var stamp = Stamp(environment: Environment.variable)
      for file in stampFile { stamp = try stamp.adding(file: FilePath(file)) }
      let outcomes = try await binaryCaches.withCaches(progress, registries) { caches in
        let push = ProjectPush(
          project: read.project, context: context, names: image, stamp: stamp, isDryRun: result.dryRun,
          cache: Environment.digestCache(), caches: caches, progress: progress)
        // Before anything is built.
        _ = try (push.images(), read.project.context(context))
        return try await registries.withClient(progress) { try await push.run($0) }
      }
      try Output.print(outcomes, json: output.json)
      let failures = outcomes.compactMap(\.failure)
      guard let first = failures.first else { return }
      try Task.checkCancellation()
      let codes = Set(failures.map(ExitStatus.code))
      throw ExitCode(codes.count == 1 ? ExitStatus.code(for: first) : 1)
    }
  }

  private func thing(
    _ client: RegistryClient, _ caches: BinaryCaches?, _ progress: ProgressPrinter
  ) async throws -> Deliverable {
    var images: [AssembledImage] = []
    for text in descriptions {
      guard case .description = try ImageInput(text) else { throw notDescribed(text) }
      switch try await ImageInput(text).open(client, substitute: caches) {
      case .image(let image): images.append(try await encoded(image, progress))
      case .index(let index):
        if descriptions.count == 1 { return .index(try await encoded(index, progress)) }
        images += try await encoded(index, progress).images
      case .content: throw notDescribed(text)
      }
    }
    if images.count == 1 { return .image(images[0]) }
    return .index(try AssembledIndex(images, annotations: try ConfigurationOptions.pairs(annotation, "--annotation")))
  }

  private func encoded(_ image: AssembledImage, _ progress: ProgressPrinter) async throws -> AssembledImage {
    guard let compression else { return image }
    return try await image.encoded(as: try LayerEncoding(parsing: compression), onProgress: progress.report)
  }

  /// An index of the same images, unless these are compressed another way.
  private func encoded(_ index: AssembledIndex, _ progress: ProgressPrinter) async throws -> AssembledIndex {
    guard compression != nil else { return index }
    var images: [AssembledImage] = []
    for image in index.images { images.append(try await encoded(image, progress)) }
    return try AssembledIndex(images, annotations: index.index.annotations)
  }

  private func notDescribed(_ text: String) -> ValidationError {
    ValidationError("'\(text)' is no description; to copy an image that is somewhere, use flywheel copy")
  }
}
