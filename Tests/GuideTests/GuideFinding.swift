/// Something that is wrong with a guide, and where.
struct GuideFinding: Sendable, Hashable, CustomStringConvertible {
  var file: String
  var line: Int
  var message: String

  var description: String { "\(file):\(line): \(message)" }
}
