import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Writes an image as one file.
struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write an image as a tar, for docker load, podman load or ctr images import.",
    discussion: """
      Examples:
        flywheel export image.json app.tar --name team/app:1.2
        flywheel export docker://ghcr.io/team/app:1.2 app.tar --format docker \\
          --name team/app:1.2
        flywheel export image.json - --name app:dev | docker load

      hybrid, the default, is an image layout and Docker's form in one; oci also takes an index. The same image under the same \
      names gives the same bytes. No daemon is asked, and nothing is written but the file.
      """)

  @Argument(help: ArgumentHelp(ImageInput.help, valueName: "image"), completion: .file())
  var image: String

  @Argument(help: ArgumentHelp("The file; - is standard output.", valueName: "file"), completion: .file())
  var file: String

  /// `ArchiveExport.Form`, as an argument.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case oci, docker, hybrid

    var form: ArchiveExport.Form {
      switch self {
      case .oci: .oci
      case .docker: .docker
      case .hybrid: .hybrid
      }
    }
  }

  @Option(help: "oci, docker or hybrid.")
  var format = Format.hybrid

  @Option(help: ArgumentHelp("What the image is called in the archive; repeat it.", valueName: "name:tag"))
  var name: [String] = []

  @OptionGroup var platform: PlatformOption

  @OptionGroup(title: "Binary caches") var binaryCaches: BinaryCacheOptions

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func validate() throws {
    guard file != "-" || !output.json else {
      throw ValidationError("standard output is the archive's, so not for --json")
    }
  }

  func run() async throws {
    try await reportingErrors {
      let progress = output.printer()
      let input = try ImageInput(image)
      let isNeeded = try input.isRegistry || ImageInput.descriptions([image]).contains { $0.base != nil }
      try await binaryCaches.withCaches(progress, registries) { caches in
        try await registries.withClient(progress, isNeeded: isNeeded) { client in
          try await write(try await input.open(client, platform: platform.named, substitute: caches), progress)
        }
      }
    }
  }

  private func write(_ thing: Deliverable, _ progress: ProgressPrinter) async throws {
    let archive = try await ArchiveExport(
      thing.root, in: thing.content(concurrency: 1), form: format.form, names: name)
    if file == "-" {
      for try await chunk in try await archive.source.open() {
        do { try FileDescriptor.standardOutput.writeAll(chunk) } catch {
          throw OCIError(.ioFailure, "cannot write the archive to standard output: \(error)")
        }
      }
      return
    }
    try await archive.write(to: FilePath(file)) { progress.wrote($0, of: archive.size) }
    let result: JSON.Object = [
      "digest": .string(thing.root.digest.description), "file": .string(file), "bytes": .integer(archive.size),
    ]
    try Output.print(output.json ? JSON.object(result).prettyText : thing.root.digest.description)
  }
}
