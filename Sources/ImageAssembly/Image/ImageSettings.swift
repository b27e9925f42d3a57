public import OCICore
public import SystemPackage

/// What an image's configuration says beside its layers.
public struct ImageSettings: Sendable, Hashable {
  /// How a container is started.
  public var runtime: RuntimeConfiguration
  /// What the image runs on. Where it is not given it is found out: from the entrypoint, else from the first program or
  /// library of the closure; an image without any is `linux/amd64`, on every machine.
  public var platform: Platform?
  /// When the image was made, RFC 3339; never a clock's time, so that equal inputs give equal images.
  public var created: String?
  /// Who made it.
  public var author: String?
  /// Annotations of the manifest.
  public var annotations: [String: String] = [:]
  /// Members of a configuration file that this type has no name for, kept as they are.
  public var other = JSON.Object()

  /// Creates settings.
  public init(runtime: RuntimeConfiguration = .init(), platform: Platform? = nil) {
    self.runtime = runtime
    self.platform = platform
  }

  /// Reads a configuration file: either the `config` object alone (`{"Entrypoint": [...], "Env": [...]}`), or a whole
  /// image configuration with that object inside. Member names may be in any case; the layers of a whole configuration
  /// (`rootfs`, `history`) are left out, as the image has its own.
  /// - Throws: `AssemblyError.Code.invalidSettings`, naming file, line and field.
  public init(file path: FilePath) throws(AssemblyError) {
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path, limit: 16 << 20) } catch {
      throw AssemblyError(.fileUnreadable, "configuration: \(error.message)")
    }
    do { try self.init(parsing: bytes) } catch {
      throw AssemblyError(.invalidSettings, "configuration '\(path)': \(error.message)")
    }
  }

  /// Reads configuration text; see `init(file:)`.
  /// - Throws: `OCIError`, naming line and field.
  public init(parsing bytes: [UInt8]) throws(OCIError) {
    self.init()
    let json = try JSON(parsing: bytes)
    var fields = try FieldReader(json, path: "config")
    let members = ["architecture", "os", "variant", "created", "author", "config", "rootfs", "history"]
    guard members.contains(where: fields.contains) else {
      runtime = try Self.runtime(json, path: "config")
      return
    }
    let architecture = try fields.string("architecture")
    let os = try fields.string("os")
    let variant = try fields.string("variant")
    if let architecture {
      platform = Platform(architecture: architecture, os: os ?? "linux", variant: variant)
    } else if os != nil || variant != nil {
      throw fields.error("architecture", "is missing beside os or variant")
    }
    created = try fields.string("created")
    author = try fields.string("author")
    _ = try fields.value("rootfs")
    _ = try fields.value("history")
    if let value = try fields.value("config") { runtime = try Self.runtime(value, path: "config.config") }
    other = fields.remainder
    let known = RuntimeConfiguration.memberNames.map { $0.lowercased() }
    if let stray = other.members.first(where: { known.contains($0.name.lowercased()) }) {
      throw fields.error(stray.name, "stands beside architecture, os or config; move it into the config object")
    }
  }
  /// Reads the `config` object. What an image of others may have is a mistake in a file that someone just wrote.
  private static func runtime(_ json: JSON, path: String) throws(OCIError) -> RuntimeConfiguration {
    let runtime = try RuntimeConfiguration(json, path: path)
    for (index, entry) in runtime.environment.enumerated() where RuntimeConfiguration.variableName(of: entry) == nil {
      throw OCIError(.invalidDocument, "\(path).Env[\(index)] must be NAME=VALUE, but it is '\(entry)'")
    }
    return runtime
  }
}
