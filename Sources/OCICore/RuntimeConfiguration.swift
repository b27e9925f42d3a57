/// How a container of the image is started: the `config` object of an image configuration (image-spec, config.md).
public struct RuntimeConfiguration: Sendable, Hashable {
  /// User, or user:group, by name or number.
  public var user: String?
  /// Ports the program listens on, e.g. `8080/tcp`.
  public var exposedPorts: Set<String>
  /// Environment variables, `NAME=VALUE`, in order.
  public var environment: [String]
  /// The program and its first arguments.
  public var entrypoint: [String]?
  /// The default arguments.
  public var command: [String]?
  /// Directories that should be volumes.
  public var volumes: Set<String>
  /// Where the program starts.
  public var workingDirectory: String?
  /// Labels.
  public var labels: [String: String]
  /// The signal that stops the program, e.g. `SIGTERM`.
  public var stopSignal: String?
  /// Members this type has no name for, Docker's `Healthcheck` and `OnBuild` among them, kept as they are.
  public var other = JSON.Object()

  /// Creates a configuration with nothing set.
  public init() {
    exposedPorts = []
    environment = []
    volumes = []
    labels = [:]
  }

  /// The names of every member of the spec and of Docker.
  package static let memberNames = members + dockerMembers

  /// The members of the spec, in canonical order.
  static let members = [
    "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal",
  ]
  static let dockerMembers = [
    "ArgsEscaped", "AttachStderr", "AttachStdin", "AttachStdout", "CpuShares", "Domainname", "Healthcheck", "Hostname",
    "Image", "MacAddress", "Memory", "MemorySwap", "NetworkDisabled", "OnBuild", "OpenStdin", "Shell", "StdinOnce",
    "StopTimeout", "Tty",
  ]

  /// Reads the `config` object; member names may be in any case (`Entrypoint`, `entrypoint`), as hand-written files
  /// have them.
  /// - Throws: `OCIError.Code.invalidDocument`, naming the field.
  public init(_ json: JSON, path: String) throws(OCIError) {
    self.init()
    var fields = try FieldReader(
      try json.renamingMembers(to: Self.memberNames, path: path), path: path)
    user = try fields.string("User")
    exposedPorts = Set(try fields.names("ExposedPorts") ?? [])
    environment = try fields.strings("Env") ?? []
    for (index, entry) in environment.enumerated() where !entry.contains("=") || entry.hasPrefix("=") {
      throw fields.error("Env[\(index)]", "must be NAME=VALUE, but it is '\(entry)'")
    }
    entrypoint = try fields.strings("Entrypoint")
    command = try fields.strings("Cmd")
    volumes = Set(try fields.names("Volumes") ?? [])
    workingDirectory = try fields.string("WorkingDir")
    labels = try fields.stringMap("Labels") ?? [:]
    stopSignal = try fields.string("StopSignal")
    other = fields.remainder
  }

  /// The `config` object, in the spec's member order.
  public var json: JSON {
    func names(_ values: Set<String>) -> JSON {
      var object = JSON.Object()
      for value in values.sorted(by: byteOrder) { object[value] = .object(JSON.Object()) }
      return .object(object)
    }
    var object = JSON.Object()
    object.set("User", user.map(JSON.string))
    object.set("ExposedPorts", names(exposedPorts))
    object.set("Env", .strings(environment))
    object.set("Entrypoint", entrypoint.map { .strings($0) })
    object.set("Cmd", command.map { .strings($0) })
    object.set("Volumes", names(volumes))
    object.set("WorkingDir", workingDirectory.map(JSON.string))
    object.set("Labels", .strings(labels))
    object.set("StopSignal", stopSignal.map(JSON.string))
    object.merge(other)
    return .object(object)
  }

  /// Sets an environment variable, replacing an earlier value in place.
  public mutating func setEnvironment(_ name: String, _ value: String) {
    let entry = "\(name)=\(value)"
    if let index = environment.firstIndex(where: { $0.hasPrefix("\(name)=") }) {
      environment[index] = entry
    } else {
      environment.append(entry)
    }
  }
}

extension JSON {
  /// The object with its members under their canonical names, whatever their case.
  package func renamingMembers(to names: [String], path: String) throws(OCIError) -> JSON {
    guard case .object(let object) = self else { return self }
    let canonical = Dictionary(names.map { ($0.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
    var result = Object()
    var seen: Set<[UInt8]> = []
    for member in object.members {
      let name = canonical[member.name.lowercased()] ?? member.name
      guard seen.insert(Array(name.utf8)).inserted else {
        throw OCIError(.invalidDocument, "\(path).\(name) is given twice, in different case; keep one of them")
      }
      result.append(name, member.value)
    }
    return .object(result)
  }
}
