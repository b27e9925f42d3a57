/// How a container of the image is started: the `config` object of an image configuration (image-spec, config.md
/// §Properties), with what Docker adds to it.
public struct RuntimeConfiguration: Sendable, Hashable {
  /// User, or user:group, by name or number.
  public var user: String?
  /// Ports the program listens on, e.g. `8080/tcp`.
  public var exposedPorts: Set<String> {
    didSet { portValues = portValues.filter { exposedPorts.contains($0.key) } }
  }
  /// Environment variables, `NAME=VALUE`, in order.
  public var environment: [String]
  /// The program and its first arguments.
  public var entrypoint: [String]?
  /// The default arguments.
  public var command: [String]?
  /// Directories that should be volumes.
  public var volumes: Set<String> {
    didSet { volumeValues = volumeValues.filter { volumes.contains($0.key) } }
  }
  /// Where the program starts.
  public var workingDirectory: String?
  /// Labels.
  public var labels: [String: String]
  /// The signal that stops the program, e.g. `SIGTERM`.
  public var stopSignal: String?
  /// Whether, on Windows, the command line is one escaped string.
  public var argumentsEscaped: Bool?
  /// How the container's health is found out (Docker's).
  public var healthCheck: HealthCheck?
  /// Instructions of a Dockerfile for those who build on this image (Docker's).
  public var onBuild: [String]?
  /// The shell of the shell form of instructions (Docker's).
  public var shell: [String]?
  /// Members this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// The values of ports and volumes that are not the empty objects of the spec, kept as they are.
  private(set) var portValues: [String: JSON] = [:]
  private(set) var volumeValues: [String: JSON] = [:]

  /// Creates a configuration with nothing set.
  public init() {
    exposedPorts = []
    environment = []
    volumes = []
    labels = [:]
  }

  /// The names of every member of the spec and of Docker, also of those that have no property here.
  package static let memberNames = [
    "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "ArgsEscaped",
    "Healthcheck", "OnBuild", "Shell", "AttachStderr", "AttachStdin", "AttachStdout", "CpuShares", "Domainname",
    "Hostname", "Image", "MacAddress", "Memory", "MemorySwap", "NetworkDisabled", "OpenStdin", "StdinOnce",
    "StopTimeout", "Tty",
  ]

  /// Sets an environment variable, replacing an earlier value in place.
  public mutating func setEnvironment(_ name: String, _ value: String) {
    let entry = "\(name)=\(value)"
    if let index = environment.firstIndex(where: { $0.utf8.starts(with: "\(name)=".utf8) }) {
      environment[index] = entry
    } else {
      environment.append(entry)
    }
  }
}

extension RuntimeConfiguration {
  /// Takes over what another configuration has as the values of its ports and volumes.
  mutating func takeValues(of other: RuntimeConfiguration) {
    for port in exposedPorts.intersection(other.exposedPorts) { portValues[port] = other.portValues[port] }
    for volume in volumes.intersection(other.volumes) { volumeValues[volume] = other.volumeValues[volume] }
  }
}

// MARK: JSON

extension RuntimeConfiguration {
  /// Reads the `config` object; member names may be in any case (`Entrypoint`, `entrypoint`), as hand-written files
  /// have them, and ports and volumes may be lists.
  /// - Throws: `OCIError.Code.invalidDocument`, naming the field.
  public init(_ json: JSON, path: String) throws(OCIError) {
    self.init()
    var fields = try FieldReader(json, path: path)
    user = try fields.string("User")
    (exposedPorts, portValues) = try fields.names("ExposedPorts")
    environment = try fields.strings("Env") ?? []
    entrypoint = try fields.strings("Entrypoint")
    command = try fields.strings("Cmd")
    (volumes, volumeValues) = try fields.names("Volumes")
    workingDirectory = try fields.string("WorkingDir")
    labels = try fields.stringMap("Labels") ?? [:]
    stopSignal = try fields.string("StopSignal")
    argumentsEscaped = try fields.bool("ArgsEscaped")
    if let value = try fields.value("Healthcheck") { healthCheck = try HealthCheck(value, path: "\(path).Healthcheck") }
    onBuild = try fields.strings("OnBuild")
    shell = try fields.strings("Shell")
    other = fields.remainder
  }

  /// The `config` object, in the spec's member order.
  public var json: JSON {
    func names(_ names: Set<String>, _ values: [String: JSON]) -> JSON {
      var object = JSON.Object()
      for name in names.sorted(by: byteOrder) { object.append(name, values[name] ?? .object(JSON.Object())) }
      return .object(object)
    }
    var object = JSON.Object()
    if let user { object.append("User", .string(user)) }
    object.append("ExposedPorts", unlessEmpty: names(exposedPorts, portValues))
    object.append("Env", unlessEmpty: .strings(environment))
    if let entrypoint { object.append("Entrypoint", .strings(entrypoint)) }
    if let command { object.append("Cmd", .strings(command)) }
    object.append("Volumes", unlessEmpty: names(volumes, volumeValues))
    if let workingDirectory { object.append("WorkingDir", .string(workingDirectory)) }
    object.append("Labels", unlessEmpty: .strings(labels))
    if let stopSignal { object.append("StopSignal", .string(stopSignal)) }
    if let argumentsEscaped { object.append("ArgsEscaped", .bool(argumentsEscaped)) }
    if let healthCheck { object.append("Healthcheck", healthCheck.json) }
    if let onBuild { object.append("OnBuild", .strings(onBuild)) }
    if let shell { object.append("Shell", .strings(shell)) }
    object.merge(other)
    return .object(object)
  }
}

extension FieldReader {
  /// The names of an object such as `ExposedPorts`, whose values should be empty objects, and the values that are not.
  fileprivate mutating func names(_ field: String) throws(OCIError) -> (Set<String>, [String: JSON]) {
    guard let value = try value(field) else { return ([], [:]) }
    if let list = value.arrayValue, list.allSatisfy({ $0.stringValue != nil }) {
      return (Set(list.compactMap(\.stringValue)), [:])
    }
    guard let members = value.objectValue?.members else {
      throw error(field, "must be an object whose names are the values, but it is \(value.kind)")
    }
    var names: Set<String> = []
    var values: [String: JSON] = [:]
    for member in members {
      // Names that differ in spelling only, as Unicode has it, would lose one here.
      guard names.insert(member.name).inserted else {
        throw error("\(field).\(excerpt(member.name))", "is given twice, in different spelling; keep one")
      }
      if member.value != .object(JSON.Object()) { values[member.name] = member.value }
    }
    return (names, values)
  }
}
