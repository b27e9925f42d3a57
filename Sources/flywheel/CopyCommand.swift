import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Copies images between registries, layouts and archives.
struct CopyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "copy",
    abstract: "Copy images between registries, image layouts and archives.",
    discussion: """
      Examples:
        flywheel copy docker://docker.io/library/caddy:2 \\
          docker://ghcr.io/team/caddy:2
        flywheel copy oci:image:latest docker://ghcr.io/team/app:1.2 \\
          oci:image:latest docker://ghcr.io/team/app:latest
        flywheel copy --from-file pairs.txt --json
        flywheel copy --dry-run docker://ghcr.io/team/app:1.2 \\
          oci-archive:app.tar:1.2

      Places are docker://HOST/REPOSITORY:TAG, oci:DIR:TAG, oci-archive:FILE:TAG and dir:DIR, each also with @DIGEST in place of \
      :TAG as a source. Without a tag the destination gets the source's.

      Nothing is changed on the way, so digests stay. What a destination has is neither read nor sent; where every tag \
      names the image already, one question a tag is all. Blobs that images share go to a registry once and are mounted in \
      its other repositories; several tags of one image in one place are one copy. A copy that fails moves no tag and does \
      not stop the others.
      """)

  @Argument(
    help: ArgumentHelp("Source and destination, and more of both.", valueName: "source destination"),
    completion: .file())
  var places: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file with a source and a destination on each line, separated by spaces; - is standard input.",
      valueName: "file"), completion: .file())
  var fromFile: String?

  @Option(
    help: ArgumentHelp("Of an index, copy only the image for this platform, e.g. linux/arm64.", valueName: "platform"))
  var platform: String?

  @Flag(help: "Copy what refers to the images too: signatures, attestations, lists of ingredients.")
  var referrers = false

  @Flag(help: "Copy layers that may not be distributed as well.")
  var foreignLayers = false

  @Flag(help: "Only say what would be sent.")
  var dryRun = false

  @Option(help: ArgumentHelp("How many blobs of an image are sent at a time.", valueName: "count"))
  var concurrency = 4

  @Option(help: ArgumentHelp("How many images are copied at a time.", valueName: "count"))
  var jobs = 3

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func validate() throws {
    guard (1...64).contains(concurrency) else { throw ValidationError("--concurrency must be between 1 and 64") }
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs must be between 1 and 64") }
    guard places.count.isMultiple(of: 2) else {
      throw ValidationError("each source needs a destination, and '\(places.last ?? "")' has none")
    }
    guard !places.isEmpty || fromFile != nil else { throw ValidationError("name a source and a destination") }
    guard fromFile != "-" || !registries.authStdin else {
      throw ValidationError("--from-file - and --auth-stdin both read standard input")
    }
    if let platform { do { _ = try Platform(platform) } catch { throw ValidationError(error.message) } }
  }

  func run() async throws {
    try await reportingErrors {
      let jobs = try self.jobList()
      let progress = output.printer()
      let outcomes = try await registries.withClient(
        progress, isNeeded: jobs.contains { $0.source.isRegistry || $0.destination.isRegistry }
      ) { client in
        try await jobs.concurrentMap(width: self.jobs) { await $0.outcome(client, progress) }
      }
      try Output.print(outcomes, isDryRun: dryRun, json: output.json)
      guard let first = outcomes.lazy.compactMap(\.failure).first else { return }
      try Task.checkCancellation()
      // Each failure was told when it happened.
      let codes = Set(outcomes.compactMap(\.failure).map(ExitStatus.code))
      throw ExitCode(codes.count == 1 ? ExitStatus.code(for: first) : 1)
    }
  }

  private static func list(_ path: FilePath) throws -> [UInt8] {
    do { return try FileSystem.contents(of: path, limit: 16 << 20) } catch {
      throw AssemblyError(.fileUnreadable, "--from-file: \(error.message)")
    }
  }

  private func jobList() throws -> [CopyJob] {
    var places = self.places
    if let fromFile {
      let bytes =
        fromFile == "-"
        ? try RegistryOptions.standardInput(limit: 16 << 20)
        : try Self.list(FilePath(fromFile))
      for (number, line) in String(decoding: bytes, as: UTF8.self).split(
        separator: "\n", omittingEmptySubsequences: false
      )
      .enumerated() {
        let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
        guard let first = words.first, !first.hasPrefix("#") else { continue }
        guard words.count == 2 else {
          throw ValidationError("'\(fromFile)', line \(number + 1): expected a source and a destination")
        }
        places += words
      }
    }
    let options = CopyJob.Options(
      platform: try platform.map { try Platform($0) }, copiesReferrers: referrers, concurrency: concurrency,
      includesForeignLayers: foreignLayers, isDryRun: dryRun)
    var jobs: [CopyJob] = []
    for index in stride(from: 0, to: places.count, by: 2) {
      let job = CopyJob(
        source: try Location(places[index]), destination: try Location(places[index + 1]), options: options)
      let isMerged = jobs.indices.contains { jobs[$0].merge(job) }
      if !isMerged { jobs.append(job) }
    }
    return jobs
  }
}
