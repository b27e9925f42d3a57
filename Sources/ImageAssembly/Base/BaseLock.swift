public import OCICore
public import SystemPackage

/// Which digests the names of base images stood for when they were last looked at: a file to check in, so that a build is the same
/// until somebody asks for newer bases.
public struct BaseLock: Sendable, Hashable {
  /// Digests of manifests or indexes by name, e.g. `docker://docker.io/library/caddy:2.10-alpine`.
  public var digests: [String: Digest]

  /// Creates a lock.
  public init(digests: [String: Digest] = [:]) { self.digests = digests }

  /// Reads a lock file; one that is not there is empty.
  /// - Throws: `AssemblyError`: `fileUnreadable`, or `invalidSettings` naming file and field.
  public init(file path: FilePath) throws(AssemblyError) {
    self.init()
    guard FileSystem.exists(path) else { return }
    do throws(OCIError) {
      let json = try JSON(parsing: FileSystem.contents(of: path, limit: 16 << 20))
      var fields = try FieldReader(json, path: "lock")
      guard try fields.integer("version") == 1 else { throw fields.error("version", "must be 1") }
      for (name, text) in try fields.stringMap("bases") ?? [:] {
        do { digests[name] = try Digest(text) } catch {
          throw fields.error("bases.\(name)", "is wrong: \(error.message)")
        }
      }
      try fields.requireNothingElse()
    } catch {
      throw AssemblyError(
        error.code == .ioFailure ? .fileUnreadable : .invalidSettings, "lock file '\(path)': \(error.message)")
    }
  }

  /// Writes the file, whole or not at all; equal locks give equal bytes.
  /// - Throws: `OCIError.Code.ioFailure`.
  public func write(to path: FilePath) throws(OCIError) {
    let object: JSON.Object = ["version": .integer(1), "bases": .strings(digests.mapValues(\.description))]
    try FileSystem.replace(path, with: Array((JSON.object(object).prettyText + "\n").utf8))
  }
}
