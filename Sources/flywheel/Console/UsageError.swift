import ArgumentParser
import OCICore
import SystemPackage

/// A command line that makes no sense, told in the form of all errors, with what was probably meant.
struct UsageError {
  private let message: String
  /// The usage of the verb, and how to learn more.
  private let help: [String]

  /// - Parameter isRunning: Whether the command line was read, and the verb itself found it wanting.
  init(_ error: any Error, words: [String], isRunning: Bool) {
    var lines = Flywheel.fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false).map(
      String.init)
    let first = lines.isEmpty ? "" : lines.removeFirst()
    let text = first.hasPrefix("Error: ") ? String(first.dropFirst("Error: ".count)) : first
    let root = VerbDescription.all()
    guard !isRunning else {
      let path = (["flywheel"] + (root?.path(in: words) ?? [])).joined(separator: " ")
      (message, help) = (Self.withSmallLetter(text), ["  See '\(path) --help' for more information."])
      return
    }
    // An option that does not exist explains what else seems to be missing.
    message = root.flatMap { Suggestion(for: words, in: $0) }?.message ?? Self.withSmallLetter(text)
    help = lines.filter { !$0.isEmpty }
  }

  func show() {
    guard !Console.settings.isJSON else {
      return Console.event([
        "event": "error", "code": "usage", "exitCode": .integer(64), "message": .string(message),
      ])
    }
    Console.say("\(Console.painted("error:", .red, on: .standardError)) \(message) [usage]")
    for line in help { Console.say(Console.painted(line, .dim, on: .standardError)) }
  }

  private static func withSmallLetter(_ text: String) -> String {
    guard let first = text.first, first.isUppercase, text.dropFirst().first?.isLowercase == true else { return text }
    return first.lowercased() + text.dropFirst()
  }
}
