import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Makes the layers of a description again and compares.
struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Make every layer of a description again from its sources, and compare the digests.",
    discussion: """
      Example: flywheel verify image.json

      Nothing that was remembered is trusted. Where a layer differs, the files that do are named, if it is known what they were, \
      and the exit code is 74. A description whose own parts contradict each other is refused with 65.
      """)

  @Argument(help: ArgumentHelp("The description.", valueName: "description"), completion: .file())
  var description: String

  @OptionGroup(title: "Binary caches") var binaryCaches: BinaryCacheOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func run() async throws {
    try await reportingErrors {
      let progress = output.printer()
      var image = try AssembledImage(descriptionFile: FilePath(description), cache: Environment.digestCache())
      let verdicts = try await binaryCaches.withCaches(progress) { caches in
        image.substitute = caches
        return try await image.verify(onProgress: progress.report)
      }
      try Output.print(verdicts, of: image, json: output.json)
      if !verdicts.allSatisfy(\.isSame) { throw ExitCode(74) }
    }
  }
}
