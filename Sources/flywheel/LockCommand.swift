import ArgumentParser
import ImageAssembly
import OCICore
import Registry
import SystemPackage

/// Keeps the file that pins base images.
struct LockCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lock",
    abstract: "Pin the names of base images to the digests that they stand for now.",
    discussion: """
      Examples:
        flywheel lock docker://docker.io/library/caddy:2.10-alpine
        flywheel lock --update

      Check the file in, and give it to build with --lock-file. Names that it has stay as they are, unless --update looks at them \
      again. Each name that was added or moved is printed.
      """)

  @Argument(
    help: ArgumentHelp("Base images to add, or with --update to look at again.", valueName: "image"),
    completion: .file())
  var names: [String] = []

  @Option(help: ArgumentHelp("The file.", valueName: "file"), completion: .file())
  var lockFile = "flywheel.lock"

  @Flag(help: "Look at names that the file has already again: those given, or all.")
  var update = false

  @OptionGroup(title: "Registries") var registries: RegistryOptions

  @OptionGroup(title: "Output") var output: ProgressOptions

  func validate() throws {
    guard !names.isEmpty || update else {
      throw ValidationError("name a base image, or look at all again with --update")
    }
  }

  func run() async throws {
    try await reportingErrors {
      let path = FilePath(lockFile)
      var lock = try BaseLock(file: path)
      let wanted = names.isEmpty ? lock.digests.keys.sorted(by: byteOrder) : names
      var changes: [(name: String, old: Digest?, new: Digest)] = []
      let progress = output.printer()
      let looked = wanted.filter { update || lock.digests[$0] == nil }
      let isNeeded = try looked.contains { try Location($0).isRegistry }
      try await registries.withClient(progress, isNeeded: isNeeded) { client in
        for name in looked {
          let location = try Location(name)
          let digest = try await location.root(in: try location.store(client)).digest
          if lock.digests[name] != digest { changes.append((name, lock.digests[name], digest)) }
          lock.digests[name] = digest
        }
      }
      try lock.write(to: path)
      if output.json {
        let list = changes.map { change in
          JSON.object([
            "name": .string(change.name), "old": change.old.map { .string($0.description) } ?? .null,
            "new": .string(change.new.description),
          ])
        }
        return try Output.print(JSON.object(["changed": .array(list)]).prettyText)
      }
      for change in changes {
        try Output.print("\(change.name): \(change.old.map { "\($0) -> " } ?? "")\(change.new)")
      }
    }
  }
}
