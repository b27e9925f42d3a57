import ArgumentParser
import ImageAssembly
import OCICore
import SystemPackage

/// Where a verb that makes or moves an image puts it, and what it writes beside.
struct ResultOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("\(Destination.forms); repeat it.", valueName: "destination"))
  var to: [String] = []

  @Flag(
    help: "In registries, layouts and OCI archives also set a tag named after the content: d- and the digest's digits.")
  var tagDigest = false

  @Option(
    help: ArgumentHelp("Write the digest to a file, once every destination has the image.", valueName: "file"),
    completion: .file())
  var digestFile: String?

  @Flag(help: "Only say what would be sent to each destination.")
  var dryRun = false

  func destinations(_ stamp: Stamp? = nil) throws -> [Destination.Group] {
    Destination.groups(try to.map { try Destination(stamp?.text($0) ?? $0) })
  }

  func writeDigest(_ digest: Digest) throws {
    if let digestFile { try Output.write("\(digest)\n", to: FilePath(digestFile)) }
  }
}

extension Delivery {
  /// Delivers, or says what would be, and prints the result: the digest alone, or one object.
  func finish(_ thing: Deliverable, _ result: ResultOptions, _ groups: [Destination.Group], json: Bool) async throws {
    if result.dryRun { return try Output.print(try await plan(thing, groups), of: thing.root, json: json) }
    let delivered = try await deliver(thing, to: groups)
    try result.writeDigest(thing.root.digest)
    try Output.print(json ? Output.json(thing, delivered).prettyText : thing.root.digest.description)
  }
}
