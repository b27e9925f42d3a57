import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import SystemPackage
import Tarball

/// Says how two images differ.
struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Say which files of two images differ, in which field, and what their configurations say differently.",
    discussion: """
      Examples:
        flywheel diff image.json docker://ghcr.io/team/app:latest
        flywheel diff old.json new.json --json
        flywheel diff layer-before.tar.gz layer-after.tar.gz

      Each is a description, a place that has an image, a layer or another archive, or a file in mtree's form. Of a description, \
      layers are what they were when their digests were computed, as far as that is remembered. The exit code is 0 where nothing \
      differs, and 1 where something does.
      """)

  @Argument(help: ArgumentHelp("Before.", valueName: "image"), completion: .file())
  var old: String

  @Argument(help: ArgumentHelp("After.", valueName: "image"), completion: .file())
  var new: String

  @OptionGroup var platform: PlatformOption

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func run() async throws {
    try await reportingErrors {
      let progress = output.printer()
      let texts = [old, new].filter { !Self.isListing($0) && !Self.isArchive($0) }
      let isNeeded =
        try texts.contains { try ImageInput($0).isRegistry }
        || ImageInput.descriptions(texts).contains { $0.base != nil }
      try await registries.withClient(progress, isNeeded: isNeeded) { client in
        let before = try await contents(old, client)
        let after = try await contents(new, client)
        let difference = ImageDifference(from: before, to: after)
        try Output.print(difference, json: output.json)
        if !difference.isEmpty { throw ExitCode(1) }
      }
    }
  }

  private static func isListing(_ text: String) -> Bool { text.hasSuffix(".mtree") }

  /// By its first bytes: a description is JSON.
  private static func isArchive(_ text: String) -> Bool {
    guard (try? ImageInput(text)).map({ if case .description = $0 { true } else { false } }) == true,
      let file = try? OpenFile.reading(FilePath(text)), let start = try? file.read(upTo: 1), let byte = start.first
    else { return false }
    return byte != UInt8(ascii: "{")
  }

  private func contents(_ text: String, _ client: RegistryClient) async throws -> ImageContents {
    if Self.isListing(text) {
      let listing = try LayerListing(parsingMtree: FileSystem.contents(of: FilePath(text)))
      return try ImageContents(layers: [.init(diffID: nil, listing: listing)])
    }
    if Self.isArchive(text) {
      let archive = Archive(file: FilePath(text))
      return try ImageContents(layers: [.init(diffID: nil, listing: try await archive.listing())])
    }
    let platform = self.platform.value
    return try await ImageInput(text).open(client, platform: platform).contents()
  }
}
