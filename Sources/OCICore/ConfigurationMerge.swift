/// How the configuration of a base image and that of an image built on it become one, field by field. `docs/configuration-merge.md`
/// has the table.
///
/// A field is *set* when its optional is not `nil`, or its list, set or map is not empty. A set field may be empty: an
/// entrypoint of `[]` or a user of `""` takes away what the base has.
public struct ConfigurationMerge: Sendable, Hashable {
  /// What becomes of a field that holds one value.
  public enum Rule: Sendable, Hashable {
    /// The base's value stays, whatever the new one is.
    case inherit
    /// The new value where it is set, else the base's.
    case override
    /// The base's value goes: the new one, set or not.
    case clear
  }

  /// What becomes of a field that holds several values.
  public enum CollectionRule: Sendable, Hashable {
    /// The base's values stay, whatever the new ones are.
    case inherit
    /// The new values where there are any, else the base's.
    case override
    /// The base's values, then the new ones; of two with one name the new one counts, in the place of the old.
    case append
    /// The base's values go: the new ones, if any.
    case clear
  }

  /// `User`.
  public var user: Rule = .override
  /// `ExposedPorts`; appended as a set.
  public var exposedPorts: CollectionRule = .append
  /// `Env`; appended by name.
  public var environment: CollectionRule = .append
  /// `Entrypoint`; appended as further arguments.
  public var entrypoint: CollectionRule = .override
  /// `Cmd`; appended as further arguments.
  public var command: CollectionRule = .override
  /// Docker's rule: an entrypoint that replaces or clears the base's takes the base's `Cmd` along, which holds arguments of
  /// the old program.
  public var entrypointClearsCommand = true
  /// `Volumes`; appended as a set.
  public var volumes: CollectionRule = .append
  /// `WorkingDir`.
  public var workingDirectory: Rule = .override
  /// `Labels`; appended by name.
  public var labels: CollectionRule = .append
  /// `StopSignal`.
  public var stopSignal: Rule = .override
  /// `ArgsEscaped`.
  public var argumentsEscaped: Rule = .override
  /// `Healthcheck`; appended member by member, so that a new interval keeps the old test.
  public var healthCheck: CollectionRule = .override
  /// `OnBuild`: it was for this build, and is not handed on.
  public var onBuild: CollectionRule = .clear
  /// `Shell`; appended as further arguments.
  public var shell: CollectionRule = .override
  /// Members of `config` that have no name here (`Hostname`, `StopTimeout`, …); appended by name.
  public var otherMembers: CollectionRule = .append
  /// The steps of the history, with the layers that they made. Without the base's steps, the new ones no longer tell of
  /// every layer.
  public var history: CollectionRule = .append
  /// `author`.
  public var author: Rule = .override
  /// `created`: a base's time says nothing about this image.
  public var created: Rule = .clear

  /// The rules of a Dockerfile's `FROM`.
  public init() {}

  /// The rules of a Dockerfile's `FROM`.
  public static let dockerfile = ConfigurationMerge()
}

extension ConfigurationMerge.Rule {
  func callAsFunction<Value>(_ base: Value?, _ new: Value?) -> Value? {
    switch self {
    case .inherit: base
    case .override: new ?? base
    case .clear: new
    }
  }
}

extension ConfigurationMerge.CollectionRule {
  /// For lists that can be set and empty.
  func callAsFunction<Value>(_ base: Value?, _ new: Value?, append: (Value, Value) -> Value) -> Value? {
    guard self == .append, let base, let new else {
      switch self {
      case .inherit: return base
      case .override, .append: return new ?? base
      case .clear: return new
      }
    }
    return append(base, new)
  }

  /// For collections that are set when they are not empty.
  func callAsFunction<Values: Collection>(
    _ base: Values, _ new: Values, append: (Values, Values) -> Values
  ) -> Values {
    switch self {
    case .inherit: base
    case .override: new.isEmpty ? base : new
    case .append: append(base, new)
    case .clear: new
    }
  }
}

extension RuntimeConfiguration {
  /// How a container is started from an image that is built on another: this configuration on top of the base's.
  public func merged(onto base: RuntimeConfiguration, _ rules: ConfigurationMerge = .dockerfile) -> RuntimeConfiguration
  {
    // From the base, so that values of ports and volumes which no property shows stay.
    var result = base
    result.user = rules.user(base.user, user)
    result.exposedPorts = rules.exposedPorts(base.exposedPorts, exposedPorts) { $0.union($1) }
    result.volumes = rules.volumes(base.volumes, volumes) { $0.union($1) }
    result.takeValues(of: self)
    result.environment = rules.environment(base.environment, environment, append: Self.environment)
    result.entrypoint = rules.entrypoint(base.entrypoint, entrypoint, append: +)
    result.command = rules.command(inheritedCommand(of: base, rules), command, append: +)
    result.workingDirectory = rules.workingDirectory(base.workingDirectory, workingDirectory)
    result.labels = rules.labels(base.labels, labels) { $0.merging($1) { $1 } }
    result.stopSignal = rules.stopSignal(base.stopSignal, stopSignal)
    result.argumentsEscaped = rules.argumentsEscaped(base.argumentsEscaped, argumentsEscaped)
    result.healthCheck = rules.healthCheck(base.healthCheck, healthCheck) { $1.completed(by: $0) }
    result.onBuild = rules.onBuild(base.onBuild, onBuild, append: +)
    result.shell = rules.shell(base.shell, shell, append: +)
    result.other = rules.otherMembers.merge(base.other, other)
    return result
  }

  /// The base's command, unless it was meant for an entrypoint that is gone.
  private func inheritedCommand(of base: RuntimeConfiguration, _ rules: ConfigurationMerge) -> [String]? {
    let isReplaced =
      switch rules.entrypoint {
      case .override: entrypoint != nil
      case .clear: true
      case .inherit, .append: false
      }
    return rules.entrypointClearsCommand && isReplaced && rules.command != .inherit ? nil : base.command
  }

  /// A variable that is set again keeps its place, as Docker has it.
  private static func environment(_ base: [String], _ new: [String]) -> [String] {
    var result = base
    var places: [Substring: Int] = [:]
    for (index, entry) in base.enumerated() { places[variableName(of: entry) ?? entry[...]] = index }
    for entry in new {
      let name = variableName(of: entry) ?? entry[...]
      if let place = places[name] {
        result[place] = entry
      } else {
        places[name] = result.count
        result.append(entry)
      }
    }
    return result
  }
}

extension HealthCheck {
  /// What is not set here is taken from another check.
  fileprivate func completed(by base: HealthCheck) -> HealthCheck {
    var result = HealthCheck(
      test: test ?? base.test, interval: interval ?? base.interval, timeout: timeout ?? base.timeout,
      startPeriod: startPeriod ?? base.startPeriod, startInterval: startInterval ?? base.startInterval,
      retries: retries ?? base.retries)
    result.other = ConfigurationMerge.CollectionRule.append.merge(base.other, other)
    return result
  }
}

extension ConfigurationMerge.CollectionRule {
  fileprivate func merge(_ base: JSON.Object, _ new: JSON.Object) -> JSON.Object {
    switch self {
    case .inherit: return base
    case .override: return new.members.isEmpty ? base : new
    case .clear: return new
    case .append:
      var result = base
      for member in new.members { result[member.name] = member.value }
      return result
    }
  }
}

extension ImageConfiguration {
  /// The configuration of an image that is built on another: its layers are the base's, then these; the rest follows the
  /// rules.
  ///
  /// Members of the base that tell of its own making (`id`, `parent`, `container`, `container_config`, `docker_version`)
  /// are left out; others that no property knows are kept, where this configuration does not set them.
  /// - Throws: `OCIError.Code.platformMismatch` when the two are for different systems or processors.
  public func merged(onto base: ImageConfiguration, _ rules: ConfigurationMerge = .dockerfile) throws(OCIError)
    -> ImageConfiguration
  {
    let (ours, theirs) = (platform.normalized, base.platform.normalized)
    guard ours.os == theirs.os, ours.architecture == theirs.architecture else {
      throw OCIError(
        .platformMismatch,
        "the base image is for \(base.platform), but this image is for \(platform); choose the base's manifest for \(platform)"
      )
    }
    var result = self
    result.platform = base.platform
    if let variant = platform.variant { result.platform.variant = variant }
    if let osVersion = platform.osVersion { result.platform.osVersion = osVersion }
    if !platform.osFeatures.isEmpty { result.platform.osFeatures = platform.osFeatures }
    result.created = rules.created(base.created, created)
    result.author = rules.author(base.author, author)
    result.runtime = runtime.merged(onto: base.runtime, rules)
    result.diffIDs = base.diffIDs + diffIDs
    result.rootFS.other = ConfigurationMerge.CollectionRule.append.merge(base.rootFS.other, rootFS.other)
    result.history = rules.history(base.history, history, append: +)
    var inherited = JSON.Object()
    for member in base.other.members where !Self.aboutTheBuild.contains(member.name) {
      inherited.append(member.name, member.value)
    }
    result.other = ConfigurationMerge.CollectionRule.append.merge(inherited, other)
    return result
  }

  private static let aboutTheBuild: Set<String> = ["id", "parent", "container", "container_config", "docker_version"]
}
