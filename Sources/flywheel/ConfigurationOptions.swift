import ArgumentParser
import ImageAssembly
import OCICore
import SystemPackage

/// What the image's configuration says, from a file and from options; options win.
struct ConfigurationOptions: ParsableArguments {
  /// What shells complete after --compression.
  static let encodings = ["none", "gzip", "gzip-libdeflate", "gzip-isal", "zstd"]

  @Option(
    name: .customLong("config"),
    help: ArgumentHelp(
      "A JSON file with the image's configuration; names in either case (Entrypoint, entrypoint).",
      discussion: "Either the config object alone, or a whole image configuration.", valueName: "file"),
    completion: .file())
  var file: String?

  @Option(
    parsing: .unconditionalSingleValue, help: ArgumentHelp("A word of the entrypoint; repeat it.", valueName: "word"))
  var entrypoint: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A word of the default command; repeat it.", valueName: "word"))
  var cmd: [String] = []

  @Option(help: ArgumentHelp("An environment variable; repeat it.", valueName: "name=value"))
  var env: [String] = []

  @Option(help: ArgumentHelp("A label; repeat it.", valueName: "name=value"))
  var label: [String] = []

  @Option(help: ArgumentHelp("The user, by name or number, with or without :group.", valueName: "user"))
  var user: String?

  @Option(help: ArgumentHelp("The directory in which the program starts.", valueName: "dir"))
  var workdir: String?

  @Option(help: ArgumentHelp("A port the program listens on; repeat it.", valueName: "port[/protocol]"))
  var expose: [String] = []

  @Option(help: ArgumentHelp("A directory that should be a volume; repeat it.", valueName: "dir"))
  var volume: [String] = []

  @Option(help: ArgumentHelp("The signal that stops the program.", valueName: "signal"))
  var stopSignal: String?

  @Option(help: ArgumentHelp("An annotation of the manifest; repeat it.", valueName: "name=value"))
  var annotation: [String] = []

  @Option(
    help: ArgumentHelp(
      "The platform; without it, that of the image's own programs or of the base, else linux/amd64.",
      valueName: "os/architecture[/variant]"))
  var platform: String?

  @Option(
    help: ArgumentHelp(
      "When the image was made: RFC 3339, 'base' for the base's time, or 'now', which makes every build another image; SOURCE_DATE_EPOCH sets it too.",
      valueName: "time"))
  var created: String?

  @Option(
    help: ArgumentHelp(
      "Lines of NAME VALUE, as Bazel's workspace status; labels, annotations and destinations may then say ${NAME}, for the environment too.",
      valueName: "file"), completion: .file())
  var stampFile: [String] = []

  @Option(help: ArgumentHelp("Who made the image.", valueName: "text"))
  var author: String?

  func validate() throws {
    for (texts, option) in [(env, "--env"), (label, "--label"), (annotation, "--annotation")] {
      for text in texts { _ = try pair(text, option) }
    }
    if let platform { _ = try parse(platform: platform) }
  }

  /// Values to put in, if they are wanted.
  func stamp() throws -> Stamp? {
    guard !stampFile.isEmpty else { return nil }
    var stamp = Stamp(environment: Environment.variable)
    for file in stampFile { stamp = try stamp.adding(file: FilePath(file)) }
    return stamp
  }

  var createdLikeBase: Bool { created == "base" }

  func settings(sourceDateEpoch: Int64?, _ stamp: Stamp?) throws -> ImageSettings {
    var settings = try file.map { try ImageSettings(file: FilePath($0)) } ?? ImageSettings()
    if !entrypoint.isEmpty { settings.runtime.entrypoint = entrypoint }
    if !cmd.isEmpty { settings.runtime.command = cmd }
    for (name, value) in try env.map({ try pair($0, "--env") }) { settings.runtime.setEnvironment(name, value) }
    for (name, value) in try label.map({ try pair($0, "--label") }) { settings.runtime.labels[name] = value }
    for (name, value) in try annotation.map({ try pair($0, "--annotation") }) { settings.annotations[name] = value }
    if let user { settings.runtime.user = user }
    if let workdir { settings.runtime.workingDirectory = workdir }
    if let stopSignal { settings.runtime.stopSignal = stopSignal }
    settings.runtime.exposedPorts.formUnion(expose)
    settings.runtime.volumes.formUnion(volume)
    if let platform { settings.platform = try parse(platform: platform) }
    if let author { settings.author = author }
    switch created {
    case "base": break
    case "now": settings.created = Timestamp.text(Int64(Environment.clock))
    default: settings.created = created ?? settings.created ?? sourceDateEpoch.map { Timestamp.text($0) }
    }
    if let stamp {
      settings.runtime.labels = try stamp.texts(settings.runtime.labels)
      settings.annotations = try stamp.texts(settings.annotations)
    }
    return settings
  }

  static func pairs(_ texts: [String], _ option: String) throws -> [String: String] {
    Dictionary(try texts.map { try pair($0, option) }) { $1 }
  }

  private func pair(_ text: String, _ option: String) throws -> (String, String) { try Self.pair(text, option) }

  private static func pair(_ text: String, _ option: String) throws -> (String, String) {
    guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
      throw ValidationError("\(option) '\(text)' must be name=value")
    }
    return (String(text[..<equals]), String(text[text.index(after: equals)...]))
  }

  private func parse(platform: String) throws -> Platform {
    do { return try Platform(platform) } catch { throw ValidationError("--platform: \(error.message)") }
  }
}
