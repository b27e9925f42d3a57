internal import OCICore
internal import SystemPackage

/// What a derivation asks of an image: layers that other derivations made, and what its configuration says.
struct NixImageRequest {
  /// The groups of layers, from the bottom up.
  var groups: [FilePath] = []
  var base: FilePath?
  /// What the base is called in annotations.
  var baseReference = ""
  var settings = ImageSettings()
  /// Whether the base's time is the image's.
  var isCreatedLikeBase = false
  var merge = ConfigurationMerge.dockerfile
  /// Whether the image is written as nix2container's.
  var isCompatible = false

  init(_ fields: inout FieldReader) throws {
    groups = try fields.paths("layers")
    base = try fields.path("fromImage")
    baseReference = try fields.string("fromImageName") ?? ""
    if let value = try fields.value("config") { settings = try ImageSettings(parsing: value.canonicalBytes) }
    let variant = try fields.string("variant")
    if let architecture = try fields.string("arch") {
      settings.platform = Platform(architecture: architecture, variant: variant)
    } else if variant != nil {
      throw fields.error("arch", "is missing beside variant")
    }
    switch try fields.string("created") {
    case "base"?: isCreatedLikeBase = true
    case let text: settings.created = text ?? settings.created
    }
    settings.author = try fields.string("author") ?? settings.author
    settings.annotations = try fields.stringMap("annotations") ?? [:]
    if let rules = try fields.value("baseConfig") { merge = try ConfigurationMerge(nix: rules, "flywheel.baseConfig") }
    isCompatible = try fields.bool("compatible") ?? false
    guard isCompatible else { return }
    for (name, isGiven) in [
      ("annotations", !settings.annotations.isEmpty), ("author", settings.author != nil),
      ("created", isCreatedLikeBase), ("variant", variant != nil),
    ] where isGiven {
      throw fields.error(name, "asks for what nix2container's form cannot say; take it out, or 'compatible = true'")
    }
  }
}

extension ConfigurationMerge {
  /// Reads `"inherit"`, `"ignore"`, or the rules of single fields.
  fileprivate init(nix json: JSON, _ path: String) throws(OCIError) {
    self.init()
    switch json.stringValue {
    case "inherit"?: return
    case "ignore"?:
      self = Self.nothing
      return
    case let text?:
      throw OCIError(.invalidDocument, "\(path) is '\(text)'; it must be \"inherit\", \"ignore\" or rules by field")
    case nil: break
    }
    var fields = try FieldReader(json, path: path)
    func rule(_ name: String, _ current: Rule) throws(OCIError) -> Rule {
      try fields.choice(name, ["inherit": Rule.inherit, "override": .override, "clear": .clear]) ?? current
    }
    func list(_ name: String, _ current: CollectionRule) throws(OCIError) -> CollectionRule {
      let all: [String: CollectionRule] = [
        "inherit": .inherit, "override": .override, "append": .append, "clear": .clear,
      ]
      return try fields.choice(name, all) ?? current
    }
    user = try rule("User", user)
    workingDirectory = try rule("WorkingDir", workingDirectory)
    stopSignal = try rule("StopSignal", stopSignal)
    author = try rule("author", author)
    created = try rule("created", created)
    exposedPorts = try list("ExposedPorts", exposedPorts)
    environment = try list("Env", environment)
    entrypoint = try list("Entrypoint", entrypoint)
    command = try list("Cmd", command)
    volumes = try list("Volumes", volumes)
    labels = try list("Labels", labels)
    healthCheck = try list("Healthcheck", healthCheck)
    shell = try list("Shell", shell)
    onBuild = try list("OnBuild", onBuild)
    try fields.requireNothingElse()
  }

  /// Nothing of the base's configuration but the history of its layers.
  private static var nothing: ConfigurationMerge {
    var rules = ConfigurationMerge()
    rules.user = .clear
    rules.exposedPorts = .clear
    rules.environment = .clear
    rules.entrypoint = .clear
    rules.command = .clear
    rules.volumes = .clear
    rules.workingDirectory = .clear
    rules.labels = .clear
    rules.stopSignal = .clear
    rules.argumentsEscaped = .clear
    rules.healthCheck = .clear
    rules.shell = .clear
    rules.otherMembers = .clear
    rules.author = .clear
    return rules
  }
}
