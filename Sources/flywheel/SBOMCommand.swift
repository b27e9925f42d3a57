import ArgumentParser
import ImageAssembly
import LayerGraph
import OCICore
import Registry
import SystemPackage

/// Lists what is in an image, or says what went into it.
struct SBOMCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sbom",
    abstract: "Write the list of an image's software, or its provenance, and attach it.",
    discussion: """
      Examples:
        flywheel sbom image.json --closure closure.json > app.spdx.json
        flywheel sbom image.json --nix-path ./result --format cyclonedx \\
          --attach docker://ghcr.io/team/app:1.2
        flywheel sbom image.json --format provenance \\
          --builder https://ci.example.com/job/42 \\
          --attach docker://ghcr.io/team/app:1.2

      The list is made of the closure itself: names, versions, store hashes, the hashes of NARs, who refers to whom, and which layer \
      holds what. Nothing is scanned, and no clock is in it, so equal images give equal lists. With --attach it is pushed as a referrer of the \
      image, which must be the one described.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case spdx, cyclonedx, provenance
  }

  @Argument(help: ArgumentHelp("The description.", valueName: "description"), completion: .file())
  var description: String

  @OptionGroup(title: "Closure") var source: ClosureOptions

  @OptionGroup(title: "Binary caches") var binaryCaches: BinaryCacheOptions

  @Option(help: "spdx (2.3), cyclonedx (1.5) or provenance (SLSA 1.0 in an in-toto statement).")
  var format = Format.spdx

  @Option(help: ArgumentHelp("What the image is called in it.", valueName: "name"))
  var name: String?

  @Option(
    help: ArgumentHelp("Write the document to a file, in place of standard output.", valueName: "file"),
    completion: .file())
  var output: String?

  @Option(help: ArgumentHelp("Who ran the assembly, as a URI, for provenance.", valueName: "uri"))
  var builder = "urn:flywheel:local"

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Where the image is, to push the document beside it.", valueName: "place"))
  var attach: [String] = []

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var progress: ProgressOptions

  func run() async throws {
    try await reportingErrors {
      let image = try AssembledImage(descriptionFile: FilePath(description))
      let progress = progress.printer()
      let document: SoftwareDocument = try await binaryCaches.withCaches(progress, registries) { caches in
        try await self.document(of: image, caches)
      }
      if let output { try Output.write(document.json.prettyText + "\n", to: FilePath(output)) }
      guard !attach.isEmpty else {
        if output == nil { try Output.print(document.json.prettyText) }
        return
      }
      let places = try attach.map { try Location($0) }
      try await registries.withClient(progress, isNeeded: places.contains(where: \.isRegistry)) { client in
        for place in places {
          let store = try place.store(client)
          guard try await store.exists(image.descriptor) else {
            throw OCIError(
              .notFound,
              "\(place.withoutName) does not have \(image.descriptor.digest), which is described; push it first")
          }
          let file = Artifact.File(document.json.canonicalBytes, name: document.name, type: document.type)
          let artifact = Artifact(
            [file], type: document.type, subject: image.descriptor, annotations: document.annotations)
          try await copy(artifact.descriptor, from: artifact.content, to: store, tags: [])
          Console.note("\(place.withoutName): attached \(document.name)")
          try Output.print(artifact.descriptor.digest.description)
        }
      }
    }
  }

  private struct SoftwareDocument {
    var json: JSON
    var type: MediaType
    var name: String
    var annotations: [String: String] = [:]
  }

  private func document(of image: AssembledImage, _ caches: BinaryCaches?) async throws -> SoftwareDocument {
    let title = name ?? image.manifest.annotations[AnnotationKey.title] ?? "image"
    var graph: StoreGraph?
    var hashes = NarHashes()
    if let closure = source.closure {
      graph = try StoreGraph(nixJSONFile: FilePath(closure))
      hashes = try NarHashes(nixJSONFile: FilePath(closure))
    } else if source.isGiven {
      let read = try await source.graph(caches: caches)
      graph = read
      hashes = try await NixStore().narHashes(of: read.nodes.map(\.path), orElse: caches)
    }
    switch format {
    case .spdx:
      let list = SoftwareList(image, name: title, graph: graph, hashes: hashes)
      return SoftwareDocument(json: list.spdx, type: try MediaType(SoftwareList.spdxType), name: "sbom.spdx.json")
    case .cyclonedx:
      let list = SoftwareList(image, name: title, graph: graph, hashes: hashes)
      return SoftwareDocument(
        json: list.cycloneDX, type: try MediaType(SoftwareList.cycloneDXType), name: "sbom.cdx.json")
    case .provenance:
      let provenance = Provenance(image, name: title, hashes: hashes, builder: builder)
      return SoftwareDocument(
        json: provenance.json, type: try MediaType(Provenance.mediaType), name: "provenance.json",
        annotations: ["in-toto.io/predicate-type": Provenance.predicateType])
    }
  }
}
