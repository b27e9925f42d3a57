internal import OCICore
internal import SystemPackage

/// A text that a derivation writes: a configuration, or the script of `nix run`.
public struct NixFile: Sendable {
  private let output: FilePath
  private let text: String
  private let place: FilePath
  private let isProgram: Bool

  /// Reads what a derivation asks for.
  /// - Throws: `AssemblyError`: `invalidSettings`, naming the attribute.
  public init(_ attributes: NixAttributes) throws {
    output = attributes.output
    (text, place, isProgram) = try attributes.read { fields in
      let text = try fields.required("text") { (fields, name) throws(OCIError) in try fields.string(name) }
      return (text, try fields.path("place") ?? "", try fields.bool("executable") ?? false)
    }
    guard !place.isAbsolute, !place.components.contains(where: { $0.kind != .regular }) else {
      throw AssemblyError(.invalidSettings, "flywheel.place is '\(place)', which is no place in the output")
    }
  }

  /// Writes the file: the output of the derivation, or a file in it.
  /// - Throws: `OCIError.Code.ioFailure`.
  public func write() async throws {
    let path = output.appending(place.components)
    try await IOExecutor.run {
      if !place.isEmpty { _ = try FileSystem.createDirectories(path.removingLastComponent()) }
      try OpenFile.creating(path).write(Array(text.utf8).span)
      if isProgram { try FileSystem.setMode(0o755, of: path) }
    }
  }
}
