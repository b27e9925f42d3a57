internal import OCICore

extension ImageSettings {
  /// Checks the values that other tools refuse to read.
  /// - Throws: `AssemblyError.Code.invalidSettings`, naming the value.
  func validate() throws(AssemblyError) {
    if let created, !Timestamp.isValid(created) {
      throw Self.invalid("the creation time '\(created)' must be RFC 3339, e.g. 2026-01-31T12:00:00Z")
    }
    if let fault = runtime.validate().errors.first { throw Self.invalid("config \(fault.path) \(fault.message)") }
    if annotations.keys.contains("") { throw Self.invalid("an annotation has no name") }
    if let platform, platform.os.isEmpty || platform.architecture.isEmpty {
      throw Self.invalid("the platform needs an os and an architecture")
    }
  }

  /// What is allowed and may still be a slip of the pen.
  var warnings: [String] {
    runtime.other.members.map(\.name).filter { !RuntimeConfiguration.memberNames.contains($0) }.map {
      "config.\($0) is no member that the image-spec or Docker knows; it is kept as it is"
    }
  }

  private static func invalid(_ why: String) -> AssemblyError { AssemblyError(.invalidSettings, why) }
}
