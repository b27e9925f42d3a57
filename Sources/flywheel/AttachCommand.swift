import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Puts files beside an image, or on their own.
struct AttachCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach",
    abstract: "Push files as an artifact, about an image or on its own.",
    discussion: """
      Examples:
        flywheel attach docker://ghcr.io/team/app:1.2 \\
          --type application/vnd.example.report report.json
        flywheel attach --to oci:artifacts:notes \\
          --type application/vnd.example.notes notes.txt:text/plain

      About an image, the artifact is a referrer of it: it goes into the same repository, and where the registry has no referrers API, \
      under the fallback tag. A file's media type follows its name after a colon.
      """)

  @Argument(
    help: ArgumentHelp("The image, and files; with --to files alone.", valueName: "image or file"), completion: .file())
  var arguments: [String]

  @Option(help: ArgumentHelp("What kind of artifact it is.", valueName: "media type"))
  var type: String

  @Option(help: ArgumentHelp("An annotation of the artifact; repeat it.", valueName: "name=value"))
  var annotation: [String] = []

  @Option(help: ArgumentHelp("Where an artifact that is about nothing goes.", valueName: "destination"))
  var to: String?

  @OptionGroup var platform: PlatformOption

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func validate() throws {
    do { _ = try MediaType(type) } catch { throw ValidationError(error.message) }
    guard to != nil || arguments.count > 1 else { throw ValidationError("name an image and at least one file") }
  }

  func run() async throws {
    try await reportingErrors {
      let progress = output.printer()
      let location = try Location(to ?? arguments[0])
      let files = try await self.files(to == nil ? Array(arguments.dropFirst()) : arguments)
      let annotations = try ConfigurationOptions.pairs(annotation, "--annotation")
      try await registries.withClient(progress, isNeeded: location.isRegistry) { client in
        let store = try location.store(client)
        let subject = to == nil ? try await location.root(in: store, platform: platform.named) : nil
        let artifact = Artifact(files, type: try MediaType(type), subject: subject, annotations: annotations)
        let report = try await copy(
          artifact.descriptor, from: artifact.content, to: store,
          tags: to == nil ? [] : [location.tag].compactMap { $0 }
        ) { progress.report($0, to: location) }
        Console.note(Output.summary(of: report, location.withoutName.description))
        try Output.print(
          output.json
            ? JSON.object([
              "digest": .string(artifact.descriptor.digest.description),
              "subject": subject.map { .string($0.digest.description) } ?? .null,
            ]).prettyText : artifact.descriptor.digest.description)
      }
    }
  }

  private func files(_ texts: [String]) async throws -> [Artifact.File] {
    var files: [Artifact.File] = []
    for text in texts {
      let colon = text.lastIndex(of: ":")
      let type = colon.flatMap { try? MediaType(String(text[text.index(after: $0)...])) }
      let path = type == nil ? text : String(text[..<(colon ?? text.endIndex)])
      guard FileSystem.exists(FilePath(path)) else {
        throw AssemblyError(
          .fileUnreadable, "there is no file '\(path)'; after its name may come a colon and its media type")
      }
      files.append(try await Artifact.File(FilePath(path), type: type ?? .octetStream))
    }
    return files
  }
}
