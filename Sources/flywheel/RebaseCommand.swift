import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Puts an image on another base.
struct RebaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebase",
    abstract: "Put an image on a newer base, without touching its own layers.",
    discussion: """
      Example:
        flywheel rebase docker://ghcr.io/team/app:1.2 \\
          --base docker://docker.io/library/caddy:2.10.1-alpine \\
          --to docker://ghcr.io/team/app:1.2.1

      The old base is the one that the image's annotations name, by digest, unless --old-base says otherwise. What the \
      configuration has from the old base becomes what the new one says; what the image says itself stays.
      """)

  @Argument(help: ArgumentHelp(ImageInput.help, valueName: "image"), completion: .file())
  var image: String

  @Option(help: ArgumentHelp("The new base.", valueName: "image"), completion: .file())
  var base: String

  @Option(help: ArgumentHelp("The base that the image was built on.", valueName: "image"), completion: .file())
  var oldBase: String?

  @OptionGroup var platform: PlatformOption

  @OptionGroup(title: "Result") var result: ResultOptions

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func validate() throws {
    guard !result.to.isEmpty else { throw ValidationError("name at least one destination with --to") }
  }

  func run() async throws {
    try await reportingErrors {
      let progress = output.printer()
      let input = try ImageInput(image)
      let destinations = try result.destinations()
      try await registries.withClient(progress) { client in
        let thing = try await input.open(client, platform: self.platform.value)
        let store = thing.content()
        let platform = try await Self.platform(of: thing.root, in: store)
        let old = try await oldBaseImage(thing.root, store, client, platform)
        let new = try await BaseOptions.image(base, client, platform: platform)
        let rebased = try await RebasedImage(thing.root, in: store, from: old, onto: new)
        Console.note(
          "\(Output.count(rebased.ownLayerCount, "layer")) of its own on \(Output.count(new.layers.descriptors.count, "layer")) of \(base)"
        )
        let delivery = Delivery(client: client, progress: progress, tagsContent: result.tagDigest)
        try await delivery.finish(
          .content(rebased.descriptor, try await rebased.content()), result, destinations, json: output.json)
      }
    }
  }

  /// The bases are for what the image is for.
  private static func platform(of root: Descriptor, in store: any ContentStore) async throws -> Platform {
    guard case .manifest(let manifest) = try await store.manifest(root).manifest else {
      throw OCIError(.invalidDocument, "\(root.digest) is an index; rebase its images one by one")
    }
    return try await Document<ImageConfiguration>(fetching: manifest.config, from: store).value.platform
  }

  private func oldBaseImage(
    _ root: Descriptor, _ store: any ContentStore, _ client: RegistryClient, _ platform: Platform
  ) async throws -> BaseImage {
    if let oldBase { return try await BaseOptions.image(oldBase, client, platform: platform) }
    guard case .manifest(let manifest) = try await store.manifest(root).manifest,
      let name = manifest.annotations[AnnotationKey.baseName],
      let digest = manifest.annotations[AnnotationKey.baseDigest].flatMap({ try? Digest($0) })
    else {
      throw AssemblyError(
        .invalidSettings,
        "\(image) does not say what it was built on (annotation \(AnnotationKey.baseName)); name it with --old-base")
    }
    return try await BaseOptions.image(
      Location.isPlace(name) ? name : "docker://\(name)", pinned: digest, client, platform: platform)
  }
}
