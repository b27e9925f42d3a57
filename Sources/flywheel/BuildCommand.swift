import ArgumentParser
import ImageAssembly
import LayerGraph
import OCICore
import Registry
import SystemPackage
import Tarball

/// Assembles an image and puts it where it is wanted.
struct BuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Assemble an image of a Nix closure, files, archives or a base image, and push it.",
    discussion: """
      Examples:
        flywheel build --nix-path ./result --copy-to-root ./result \\
          --entrypoint /bin/server --to docker://ghcr.io/team/server:1.2 \\
          --to docker://ghcr.io/team/server:latest
        flywheel build --closure closure.json --config config.json \\
          --to oci:image:latest
        flywheel build --base docker://docker.io/library/caddy:2.10-alpine \\
          --file /usr/bin/caddy=./caddy --platform linux/amd64 \\
          --to docker://ghcr.io/team/caddy:latest --tag-digest
        flywheel build --file-map files.json --description image.json
        flywheel build --nix-path /nix/store/HASH-server \\
          --binary-cache https://cache.nixos.org \\
          --to docker://ghcr.io/team/server:1.2

      Every digest is computed before a byte is sent; a destination gets only the blobs it lacks, and its tags last. \
      Without --to the digests are computed and nothing is written. Standard output holds the image's digest alone, or \
      with --json one object; progress goes to standard error. --description writes what flywheel push needs, which reads \
      nothing that the destination has.

      Layers, from the bottom up: those of the base, store paths, tars, archives, files, what is copied to the root.

      Credentials are those that docker, podman or skopeo keep after a login. Registries on this machine are spoken to \
      by plain HTTP, all others by HTTPS.
      """)

  @OptionGroup(title: "Closure") var source: ClosureOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Directories whose content is also put at /, in the top layer.", valueName: "path"))
  var copyToRoot: [String] = []

  @Flag(help: "Accept references to paths outside the closure.")
  var allowOutsideReferences = false

  @OptionGroup(title: "Binary caches") var binaryCaches: BinaryCacheOptions

  @OptionGroup(title: "Planning") var planning: PlanningArguments

  @OptionGroup(title: "Files") var files: SourceOptions

  @OptionGroup(title: "Base image") var base: BaseOptions

  @OptionGroup(title: "Configuration") var configuration: ConfigurationOptions

  @Option(
    help: ArgumentHelp(
      "none, gzip, gzip-libdeflate, gzip-isal or zstd, each with :LEVEL if you like.", valueName: "encoding"),
    completion: .list(ConfigurationOptions.encodings))
  var compression = "gzip-libdeflate"

  @OptionGroup(title: "Result") var result: ResultOptions

  @Option(
    help: ArgumentHelp("Write the image's description, for push, export, inspect, diff and verify.", valueName: "file"),
    completion: .file())
  var description: String?

  @Flag(help: "Compute every digest anew, even of layers whose store paths are known.")
  var noCache = false

  @Flag(help: "Compute every digest anew, and fail where it is not what was remembered, naming the file.")
  var verify = false

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func validate() throws {
    do { _ = try LayerEncoding(parsing: compression) } catch { throw ValidationError(error.message) }
    _ = try Environment.sourceDateEpoch()
    guard source.isGiven || files.isGiven || base.base != nil else {
      throw ValidationError(
        "name what the image is made of: --closure, --nix-path, --file, --file-map, --archive, --layer-tar or --base")
    }
    guard source.isGiven || !planning.isGiven else {
      throw ValidationError(
        "--previous, --dead-bytes, --history, --image and --constraints plan the layers of a closure; name one with --closure or --nix-path"
      )
    }
    guard base.base != nil || base.lockFile == nil else {
      throw ValidationError("--lock-file says which digest a base stands for; name one with --base")
    }
    guard source.isGiven || copyToRoot.isEmpty else {
      throw ValidationError("--copy-to-root belongs to a closure; put other files somewhere with --file /path=host")
    }
  }

  func run() async throws {
    try await reportingErrors {
      let stamp = try configuration.stamp()
      let destinations = try result.destinations(stamp)
      let progress = output.printer()
      let baseLocation = try base.location()
      try await binaryCaches.withCaches(progress, registries) { caches in
        try await registries.withClient(
          progress, isNeeded: destinations.contains(where: \.isRegistry) || baseLocation?.isRegistry ?? false
        ) { client in
          let image = try await recipe(client, stamp, caches, progress).assemble(onProgress: progress.report)
          Console.note(Output.summary(of: image))
          if let description { try await image.writeDescription(to: FilePath(description)) }
          let delivery = Delivery(client: client, progress: progress, tagsContent: result.tagDigest)
          try await delivery.finish(.image(image), result, destinations, json: output.json)
        }
      }
    }
  }

  private func recipe(
    _ client: RegistryClient, _ stamp: Stamp?, _ caches: BinaryCaches?, _ progress: ProgressPrinter
  ) async throws -> ImageRecipe {
    let epoch = try Environment.sourceDateEpoch()
    let encoding = try LayerEncoding(parsing: compression)
    var settings = try configuration.settings(sourceDateEpoch: epoch, stamp)
    let cache = noCache ? nil : Environment.digestCache()
    let base = try await base.image(client, platform: settings.platform)
    if configuration.createdLikeBase { settings.created = base?.configuration.created }
    let others = try files.layers(sourceDateEpoch: epoch)
    guard source.isGiven else {
      var recipe = ImageRecipe(layers: others, base: base, settings: settings, encoding: encoding, cache: cache)
      recipe.verifiesCache = verify
      recipe.substitute = caches
      return recipe
    }
    let graph = try await source.graph(roots: copyToRoot.filter { NixStore.holds(FilePath($0)) }, caches: caches)
    // What is in a store and what is in a tar differ by the headers alone.
    if !files.isGiven { progress.expect(layerBytes: graph.totalSize) }
    var image = ClosureImage(
      graph, copyToRoot: copyToRoot.map { FilePath($0) }, settings: settings, maximumLayers: planning.maxLayers,
      encoding: encoding, planning: try await planning.options(),
      metadata: MetadataPolicy(modificationTime: epoch ?? 1),
      allowsOutsideReferences: allowOutsideReferences, cache: cache)
    image.base = base
    image.otherLayers = others
    image.verifiesCache = verify
    image.substitute = caches
    return try await image.recipe()
  }
}
