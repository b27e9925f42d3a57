internal import OCICore

extension ImageSettings {
  /// Checks the values that other tools refuse to read.
  /// - Throws: `AssemblyError.Code.invalidSettings`, naming the value.
  func validate() throws(AssemblyError) {
    if let created, !Timestamp.isValid(created) {
      throw Self.invalid("the creation time '\(created)' must be RFC 3339, e.g. 2026-01-31T12:00:00Z")
    }
    for port in runtime.exposedPorts where !Self.isPort(port) {
      throw Self.invalid("the exposed port '\(port)' must be PORT, PORT/tcp, PORT/udp or PORT/sctp")
    }
    for entry in runtime.environment where !entry.utf8.dropFirst().contains(UInt8(ascii: "=")) {
      throw Self.invalid("the environment entry '\(entry)' must be NAME=VALUE")
    }
    let words =
      (runtime.entrypoint ?? []) + (runtime.command ?? []) + runtime.environment
      + [runtime.user, runtime.workingDirectory, runtime.stopSignal].compactMap(\.self)
    if let word = words.first(where: { $0.utf8.contains(0) }) {
      throw Self.invalid("'\(word)' has a NUL byte in it, which no program can be given")
    }
    if annotations.keys.contains("") || runtime.labels.keys.contains("") {
      throw Self.invalid("a label or annotation has no name")
    }
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

  private static func isPort(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    // A range, as Docker writes it, is two numbers.
    let numbers = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    let areNumbers = numbers.allSatisfy { $0.first?.isNumber == true && UInt16($0) != nil }
    return (1...2).contains(numbers.count) && areNumbers
      && (parts.count == 1 || (parts.count == 2 && ["tcp", "udp", "sctp"].contains(parts[1])))
  }

  private static func invalid(_ why: String) -> AssemblyError { AssemblyError(.invalidSettings, why) }
}
