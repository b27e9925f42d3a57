extension ImageConfiguration {
  /// What the configuration has wrong, or does unusually (image-spec, config.md).
  public func validate() -> [Finding] {
    let section = "Properties"
    var inspection = Inspection("config.md")
    inspection.check(time: created, at: "$.created")
    inspection.add(platform.validate(at: "$", page: "config.md", section: section))
    inspection.add(runtime.validate(at: "$.config", os: platform.os))
    if rootFS.type != "layers" {
      inspection.error(
        .invalidValue, "$.rootfs.type", "must be \"layers\", but it is '\(excerpt(rootFS.type))'", section)
    }
    for (index, diffID) in diffIDs.enumerated() { inspection.check(diffID, at: "$.rootfs.diff_ids[\(index)]") }
    for (index, step) in history.enumerated() {
      inspection.check(time: step.created, at: "$.history[\(index)].created")
    }
    let filled = history.count { !$0.emptyLayer }
    if filled > diffIDs.count {
      inspection.error(
        .mismatch, "$.history", "has \(filled) steps with a layer, but there are \(diffIDs.count) layers", section)
    } else if !history.isEmpty, filled < diffIDs.count {
      inspection.warning(
        .mismatch, "$.history", "has \(filled) steps with a layer, but there are \(diffIDs.count) layers", section)
    }
    return inspection.findings
  }
}

extension RuntimeConfiguration {
  /// What the `config` object has wrong, or does unusually (image-spec, config.md §Properties).
  public func validate() -> [Finding] { validate(at: "$", os: "linux") }

  /// - Parameter path: Where the object is, as JSONPath.
  func validate(at path: String, os: String) -> [Finding] {
    let section = "Properties"
    var inspection = Inspection("config.md")
    for port in exposedPorts.sorted(by: byteOrder) where !Self.isPort(port) {
      inspection.error(
        .invalidValue, "\(path).ExposedPorts\(step(port))", "must be PORT, PORT/tcp or PORT/udp", section)
    }
    checkEnvironment(&inspection, path)
    for (name, words) in [("Entrypoint", entrypoint), ("Cmd", command), ("Shell", shell), ("Env", environment)] {
      for (index, word) in (words ?? []).enumerated() where word.utf8.contains(0) {
        inspection.error(
          .invalidValue, "\(path).\(name)[\(index)]", "has a NUL byte in it, which no program can be given", section)
      }
    }
    for (name, text) in [("User", user), ("WorkingDir", workingDirectory)] where text?.utf8.contains(0) == true {
      inspection.error(.invalidValue, "\(path).\(name)", "has a NUL byte in it", section)
    }
    if os != "windows" {
      for volume in volumes.sorted(by: byteOrder) where !volume.hasPrefix("/") {
        inspection.warning(
          .invalidValue, "\(path).Volumes\(step(volume))", "should be an absolute path", section)
      }
      if let workingDirectory, !workingDirectory.isEmpty, !workingDirectory.hasPrefix("/") {
        inspection.warning(.invalidValue, "\(path).WorkingDir", "should be an absolute path", section)
      }
      if argumentsEscaped != nil {
        inspection.warning(.deprecated, "\(path).ArgsEscaped", "is for Windows alone, and deprecated there", section)
      }
    }
    if let stopSignal, !stopSignal.isEmpty, !Self.isSignal(stopSignal) {
      inspection.error(
        .invalidValue, "\(path).StopSignal", "'\(excerpt(stopSignal))' is no signal, such as SIGTERM or SIGRTMIN+3",
        section)
    }
    inspection.check(annotations: labels, at: "\(path).Labels")
    if let healthCheck { healthCheck.validate(&inspection, at: "\(path).Healthcheck") }
    return inspection.findings
  }

  private func checkEnvironment(_ inspection: inout Inspection, _ path: String) {
    var seen: Set<Substring> = []
    for (index, entry) in environment.enumerated() {
      // Windows has variables whose names begin with the sign.
      guard let name = Self.variableName(of: entry) else {
        inspection.error(
          .invalidValue, "\(path).Env[\(index)]", "must be NAME=VALUE, but it is '\(excerpt(entry))'", "Properties")
        continue
      }
      if !seen.insert(name).inserted {
        inspection.warning(
          .mismatch, "\(path).Env[\(index)]",
          "'\(excerpt(String(name)))' is set twice; runtimes differ in which counts",
          "Properties")
      }
    }
  }

  /// The name in `NAME=VALUE`, or `nil` where there is none.
  package static func variableName(of entry: String) -> Substring? {
    guard let sign = entry.utf8.firstIndex(of: UInt8(ascii: "=")), sign != entry.startIndex else { return nil }
    return entry[..<sign]
  }

  /// `PORT`, `PORT/tcp`, `PORT/udp`; also Docker's `sctp` and its ranges of ports.
  static func isPort(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let numbers = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    return (1...2).contains(numbers.count) && numbers.allSatisfy { $0.utf8.allSatisfy(isDigit) && UInt16($0) != nil }
      && (parts.count == 1 || (parts.count == 2 && ["tcp", "udp", "sctp"].contains(parts[1])))
  }

  /// `SIGTERM`, `SIGRTMIN+3`, or a number as Docker allows it.
  private static func isSignal(_ text: String) -> Bool {
    if text.utf8.allSatisfy(isDigit) { return UInt8(text).map { (1...64).contains($0) } == true }
    // Docker takes names in any case, with or without SIG.
    return text.utf8.first.map { isAlphanumeric($0) && !isDigit($0) } == true
      && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
  }
}

extension HealthCheck {
  fileprivate func validate(_ inspection: inout Inspection, at path: String) {
    let section = "Properties (Docker's extension)"
    if let kind = test?.first, !["", "NONE", "CMD", "CMD-SHELL"].contains(kind) {
      inspection.error(
        .invalidValue, "\(path).Test[0]", "must be NONE, CMD or CMD-SHELL, but it is '\(excerpt(kind))'", section)
    }
    for (name, value) in durations {
      // Docker takes 0 for its default, and less than a millisecond for a mistake in the unit.
      guard let value, value != .zero, value < .milliseconds(1) else { continue }
      inspection.error(.invalidValue, "\(path).\(name)", "must be 0 or at least one millisecond (1000000)", section)
    }
    if let retries, retries < 0 {
      inspection.error(.invalidValue, "\(path).Retries", "must not be negative", section)
    }
  }
}

extension Inspection {
  fileprivate mutating func check(time: String?, at path: @autoclosure () -> String) {
    guard let time, !Timestamp.isValid(time) else { return }
    error(
      .invalidValue, path(), "'\(excerpt(time))' is not a time of RFC 3339, e.g. 2026-01-31T12:00:00Z", "Properties")
  }
}
