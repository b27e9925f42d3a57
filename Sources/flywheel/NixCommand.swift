import ArgumentParser
import Foundation
import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// What the derivations of Integrations/nix run: each reads the attributes that Nix gives it, and writes the derivation's output.
struct NixCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nix",
    abstract: "Build steps of the Nix expressions in Integrations/nix.",
    discussion: """
      These are the builders of derivations with structured attributes; Nix calls them, people hardly ever. What they read \
      is the file that Nix writes for them, what they write is the derivation's output. The guide is docs/from-nix2container.md.

      Example: flywheel nix layer --attributes .attrs.json
      """,
    subcommands: [
      NixLayerCommand.self, NixImageCommand.self, NixIndexCommand.self, NixDatabaseCommand.self, NixBlobCommand.self,
      NixDirectoryCommand.self, NixFileCommand.self,
    ])
}

/// Where a build step finds what it is to do.
struct NixAttributesOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The derivation's attributes; $NIX_ATTRS_JSON_FILE or .attrs.json unless told.", valueName: "file"),
    completion: .file())
  var attributes: String?

  func read() throws -> NixAttributes {
    if let attributes { return try NixAttributes(file: FilePath(attributes)) }
    // Some versions of Nix name the file by its path outside of the sandbox.
    let named = Environment.variable("NIX_ATTRS_JSON_FILE").map { FilePath($0) }
    let path = named.flatMap { FileManager.default.fileExists(atPath: $0.string) ? $0 : nil }
    return try NixAttributes(file: path ?? NixAttributes.fileName)
  }
}

struct NixLayerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "layer", abstract: "Divide the closures of store paths into layers, and compute their digests.",
    discussion: "Example: flywheel nix layer --attributes .attrs.json")

  @OptionGroup var source: NixAttributesOption
  @OptionGroup(title: "Output") var output: ProgressOptions

  func run() async throws {
    try await reportingErrors {
      let progress = output.printer()
      try await NixLayers(try source.read()).write(onProgress: progress.report)
    }
  }
}

struct NixImageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image", abstract: "Write the description of an image of layers that were made before.",
    discussion: "Example: flywheel nix image --attributes .attrs.json")

  @OptionGroup var source: NixAttributesOption
  @OptionGroup(title: "Output") var output: ProgressOptions

  func run() async throws {
    try await reportingErrors {
      let progress = output.printer()
      try await NixImage(try source.read(), now: Int64(Environment.clock)).write(onProgress: progress.report)
    }
  }
}

struct NixIndexCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index", abstract: "Write the description of an index of images.",
    discussion: "Example: flywheel nix index --attributes .attrs.json")

  @OptionGroup var source: NixAttributesOption
  @OptionGroup(title: "Output") var console: ConsoleOptions

  func run() async throws {
    try await reportingErrors { try await NixIndex(try source.read()).write() }
  }
}

struct NixDatabaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "database", abstract: "Write the database of Nix for the store paths of an image.",
    discussion: "Example: flywheel nix database --attributes .attrs.json")

  @OptionGroup var source: NixAttributesOption
  @OptionGroup(title: "Output") var console: ConsoleOptions

  func run() async throws {
    try await reportingErrors { try await source.read().writeDatabase() }
  }
}

struct NixBlobCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "blob", abstract: "Fetch one blob of a repository into a file.",
    discussion: """
      Example:
        flywheel nix blob --size 3400000 \\
          docker://docker.io/library/debian@$DIGEST \\
          layer.tar.gz
      """)

  @Argument(help: ArgumentHelp("docker://HOST/REPOSITORY@DIGEST.", valueName: "blob"))
  var blob: String

  @Argument(help: ArgumentHelp("The file.", valueName: "file"), completion: .file())
  var file: String

  @Option(help: ArgumentHelp("How many bytes it has, as its manifest says.", valueName: "bytes"))
  var size: Int64

  @OptionGroup(title: "Registries") var registries: RegistryOptions
  @OptionGroup(title: "Output") var output: ProgressOptions

  func run() async throws {
    try await reportingErrors {
      let location = try Location(blob)
      guard case .registry = location, case .digest(let digest) = location.name else {
        throw ValidationError("'\(blob)' must be docker://HOST/REPOSITORY@DIGEST")
      }
      let progress = output.printer()
      try await registries.withClient(progress, isNeeded: true) { client in
        try await NixBlob(digest, size: size).fetch(from: try location.store(client), to: FilePath(file))
      }
    }
  }
}

struct NixDirectoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "directory", abstract: "Put a manifest and blobs of the store together to an image (dir:).",
    discussion: "Example: flywheel nix directory --attributes .attrs.json")

  @OptionGroup var source: NixAttributesOption
  @OptionGroup(title: "Output") var console: ConsoleOptions

  func run() async throws {
    try await reportingErrors { try await NixDirectory(try source.read()).write() }
  }
}

struct NixFileCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "file", abstract: "Write a text, e.g. a script, to a file of the output.",
    discussion: "Example: flywheel nix file --attributes .attrs.json")

  @OptionGroup var source: NixAttributesOption
  @OptionGroup(title: "Output") var console: ConsoleOptions

  func run() async throws {
    try await reportingErrors { try await NixFile(try source.read()).write() }
  }
}
