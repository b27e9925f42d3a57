import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import SystemPackage
import Tarball

/// Assembles an image of a closure and puts it where it is wanted.
struct BuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Assemble an image of a Nix closure and push it.",
    discussion: """
      Examples:
        flywheel build --nix-path ./result --copy-to-root ./result --entrypoint /bin/server \\
          --to docker://ghcr.io/team/server:1.2 --to docker://ghcr.io/team/server:latest
        flywheel build --closure closure.json --config config.json --to oci:image:latest
        flywheel build --closure closure.json

      Every digest is computed before a byte is sent; a destination gets only the blobs it lacks, and its tags last. \
      Without --to the digests are computed and nothing is written. Standard output holds the image's digest alone, or \
      with --json one object; progress goes to standard error.

      Credentials are those that docker, podman or skopeo keep after a login. Registries on this machine are spoken to \
      by plain HTTP, all others by HTTPS.
      """)

  @OptionGroup(title: "Input") var source: ClosureOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Directories whose content is also put at /, in the top layer.", valueName: "path"))
  var copyToRoot: [String] = []

  @Flag(help: "Accept references to paths outside the closure.")
  var allowOutsideReferences = false

  @OptionGroup(title: "Planning") var planning: PlanningArguments

  @OptionGroup(title: "Configuration") var configuration: ConfigurationOptions

  @Option(
    help: ArgumentHelp(
      "none, gzip, gzip-libdeflate, gzip-isal or zstd, each with :LEVEL if you like.", valueName: "encoding"))
  var compression = "gzip"

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("oci:DIR:TAG or docker://HOST/REPOSITORY:TAG; repeat it.", valueName: "destination"))
  var to: [String] = []

  @Flag(help: "Compute every digest anew, even of layers whose store paths are known.")
  var noCache = false

  @Flag(help: "Only say what would be sent to each destination.")
  var dryRun = false

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func validate() throws {
    do { _ = try LayerEncoding(parsing: compression) } catch { throw ValidationError(error.message) }
    _ = try Environment.sourceDateEpoch()
  }

  func run() async throws {
    try await reportingErrors {
      let destinations = Destination.groups(try to.map { try Destination($0) })
      let progress = output.printer()
      let image = try await closureImage().assemble(onProgress: progress.report)
      progress.note(Output.summary(of: image))
      try await registries.withClient(progress, isNeeded: destinations.contains { $0.place.isRegistry }) { client in
        if dryRun { return try await plan(image, destinations, client) }
        var reports: [(name: String, report: CopyReport)] = []
        for group in destinations {
          do {
            let report = try await image.push(to: group.store(client), tags: group.tags, onProgress: progress.report)
            progress.note(Output.summary(of: report, group.name))
            reports.append((group.name, report))
          } catch {
            progress.closeLine()
            for done in reports { printError("\(done.name) has the image; \(group.name) does not") }
            throw error
          }
        }
        progress.closeLine()
        try Output.print(output.json ? Output.json(image, reports).prettyText : image.descriptor.digest.description)
      }
    }
  }

  private func plan(
    _ image: AssembledImage, _ destinations: [Destination.Group], _ client: RegistryClient
  ) async throws {
    var plans: [(name: String, plan: CopyPlan)] = []
    for group in destinations {
      let plan = try await planCopy(image.descriptor, from: image.content(), to: group.store(client), tags: group.tags)
      plans.append((group.name, plan))
    }
    try Output.print(plans, of: image, json: output.json)
  }

  private func closureImage() async throws -> ClosureImage {
    let epoch = try Environment.sourceDateEpoch()
    let encoding = try LayerEncoding(parsing: compression)
    let settings = try configuration.settings(sourceDateEpoch: epoch)
    let graph = try await source.graph(roots: copyToRoot.filter { NixStore.holds(FilePath($0)) })
    return ClosureImage(
      graph, copyToRoot: copyToRoot.map { FilePath($0) }, settings: settings, maximumLayers: source.maxLayers,
      encoding: encoding, planning: try await planning.options(),
      metadata: MetadataPolicy(modificationTime: epoch ?? 1),
      allowsOutsideReferences: allowOutsideReferences, cache: noCache ? nil : Environment.digestCache())
  }
}
