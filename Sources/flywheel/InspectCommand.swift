import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import SystemPackage
import Tarball

/// Says what an image is.
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show an image's configuration, layers and what they are made of.",
    discussion: """
      Examples:
        flywheel inspect image.json
        flywheel inspect docker://ghcr.io/team/app:1.2 --platform linux/arm64 \\
          --json
        flywheel inspect oci:image:latest --files
        flywheel inspect dir:image --raw | sha256sum
        flywheel inspect image.json --html image.html \\
          --against docker://ghcr.io/team/app:latest
      """)

  @Argument(help: ArgumentHelp(ImageInput.help, valueName: "image"), completion: .file())
  var image: String

  @OptionGroup var platform: PlatformOption

  @Flag(help: "List the files as mtree(5), layers put over each other; reads layers that are not known.")
  var files = false

  @Flag(help: "Print the bytes of the manifest, or of the index, and nothing else.")
  var raw = false

  @Option(
    help: ArgumentHelp(
      "Write a page of its own, or with - print it: layers, files by size and the configuration; reads layers that are not known.",
      valueName: "file"), completion: .file())
  var html: String?

  @Option(
    help: ArgumentHelp("On the page, show what changed since this image.", valueName: "image"),
    completion: .file())
  var against: String?

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func validate() throws {
    guard !raw || !files && !output.json else { throw ValidationError("--raw goes with neither --files nor --json") }
    guard html == nil || !raw && !files else { throw ValidationError("--html goes with neither --raw nor --files") }
    guard html != "-" || !output.json else {
      throw ValidationError("--html - and --json both print; give --html a file")
    }
    guard against == nil || html != nil else {
      throw ValidationError("--against goes with --html; flywheel diff compares without a page")
    }
  }

  func run() async throws {
    try await reportingErrors {
      let input = try ImageInput(image)
      let progress = output.printer()
      let other = try against.map { try ImageInput($0) }
      let read = files ? [image] : html == nil ? [] : [image] + (against.map { [$0] } ?? [])
      let isNeeded =
        try input.isRegistry || other?.isRegistry == true || ImageInput.descriptions(read).contains { $0.base != nil }
      try await registries.withClient(progress, isNeeded: isNeeded) { client in
        let platform = raw ? self.platform.named : self.platform.value
        let thing = try await input.open(client, platform: platform)
        if files {
          let listing = try await thing.contents().tree.listing
          return try Output.print(String(decoding: listing.mtree().dropLast(), as: UTF8.self))
        }
        let store = thing.content()
        if raw {
          let bytes = try await store.manifest(thing.root).bytes
          do { try FileDescriptor.standardOutput.writeAll(bytes) } catch {
            throw OCIError(.ioFailure, "cannot write the manifest to standard output: \(error)")
          }
          return
        }
        guard case .manifest(let manifest) = try await store.manifest(thing.root).manifest else {
          throw OCIError(.invalidDocument, "\(image) is an index; choose one of its images with --platform")
        }
        let configuration = try await Document<ImageConfiguration>(fetching: manifest.config, from: store).value
        let own = thing.images.first
        if let html {
          let before = try await other?.open(client, platform: platform).pageImage(name: against ?? "")
          let page = ImagePage(try await thing.pageImage(name: image), against: before)
          if try Output.writePage(page.html, to: html) { return }
        }
        let json = Output.inspection(thing.root, manifest, configuration, own)
        try Output.print(output.json ? json.prettyText : Output.text(thing.root, manifest, configuration, own))
      }
    }
  }
}

extension Deliverable {
  /// What a page tells of the image.
  fileprivate func pageImage(name: String) async throws -> ImagePage.Image {
    switch self {
    case .image(let image): return try await ImagePage.Image(image, name: name)
    case .index(let index):
      guard let image = index.images.first else { throw OCIError(.notFound, "'\(name)' is an index without images") }
      return try await ImagePage.Image(image, name: name)
    case .content(let root, let store):
      return try await ImagePage.Image(root, in: store, name: name, cache: Environment.digestCache())
    }
  }
}
