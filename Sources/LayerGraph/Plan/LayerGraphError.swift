/// Why a store graph or a plan cannot be made.
public struct LayerGraphError: Error, Sendable, CustomStringConvertible {
  /// A stable reason, for programs.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    private enum Value: String, Hashable, CaseIterable {
      case contradiction, invalidSize, invalidBudget, invalidPlan, unsatisfiable, invalidHistory
    }
    private let value: Value

    /// One path described twice, differently.
    public static let contradiction = Code(value: .contradiction)
    /// A negative size, or sizes whose sum does not fit 64 bits.
    public static let invalidSize = Code(value: .invalidSize)
    /// Layers or dead bytes that leave room for no plan.
    public static let invalidBudget = Code(value: .invalidBudget)
    /// A strategy that did not give a plan for what it was asked.
    public static let invalidPlan = Code(value: .invalidPlan)
    /// Constraints that no plan can respect.
    public static let unsatisfiable = Code(value: .unsatisfiable)
    /// Versions that cannot be replayed.
    public static let invalidHistory = Code(value: .invalidHistory)

    /// The reason's name.
    public var description: String { value.rawValue }

    /// Every reason, for the test that each is explained to users.
    package static var all: [Code] { Value.allCases.map { Code(value: $0) } }
  }

  /// The stable reason.
  public let code: Code
  /// What is wrong, with which path, and what to do about it.
  public let message: String

  /// Creates an error.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
