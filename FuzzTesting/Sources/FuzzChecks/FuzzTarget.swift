/// A parser that is fuzzed, with what must hold for every input that it accepts. The raw value is the name of its directory
/// in `FailCases`.
public enum FuzzTarget: String, CaseIterable, Sendable {
  case archive, configuration, description, descriptor, digest, index, manifest, mtree, nar, narinfo, plan, reference

  /// A rule that an input breaks.
  public struct Violation: Error, CustomStringConvertible {
    /// What should hold and does not.
    public let description: String
  }

  /// Parses an input. Nothing may come of it but a value or a typed error.
  /// - Returns: Whether the input was accepted.
  /// - Throws: `Violation`.
  @discardableResult
  public func check(_ input: [UInt8]) throws -> Bool {
    switch self {
    case .archive: try checkArchive(input)
    case .configuration: try checkConfiguration(input)
    case .description: try checkDescription(input)
    case .descriptor: try checkDescriptor(input)
    case .digest: try checkDigest(input)
    case .index: try checkIndex(input)
    case .manifest: try checkManifest(input)
    case .mtree: try checkMtree(input)
    case .nar: try checkNar(input)
    case .narinfo: try checkNarinfo(input)
    case .plan: try checkPlan(input)
    case .reference: try checkReference(input)
    }
  }
}

func require(_ condition: Bool, _ rule: @autoclosure () -> String) throws(FuzzTarget.Violation) {
  guard condition else { throw FuzzTarget.Violation(description: rule()) }
}
