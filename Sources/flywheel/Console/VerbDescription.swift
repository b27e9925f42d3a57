import ArgumentParser
import Foundation

/// A verb as ArgumentParser describes it, with its options and the verbs below it.
struct VerbDescription: Decodable {
  struct Argument: Decodable {
    struct Name: Decodable {
      var kind: String
      var name: String
    }

    var names: [Name]?
    var parsingStrategy: String?

    /// Each with its dashes.
    var words: [String] {
      (names ?? []).map { ($0.kind == "long" ? "--" : "-") + $0.name }
    }
  }

  private struct Root: Decodable { var command: VerbDescription }

  var commandName: String
  var defaultSubcommand: String?
  var arguments: [Argument]?
  var subcommands: [VerbDescription]?

  /// All there is.
  static func all() -> VerbDescription? {
    try? JSONDecoder().decode(Root.self, from: Data(Flywheel._dumpHelp().utf8)).command
  }

  func verb(_ name: String) -> VerbDescription? { subcommands?.first { $0.commandName == name } }

  /// The verbs that a command line begins with.
  func path(in words: [String]) -> [String] {
    guard let first = words.first, let next = verb(first) else { return [] }
    return [first] + next.path(in: Array(words.dropFirst()))
  }

  /// The options of the verb, long and short, and of the one below it that is meant where none is named.
  var options: [String] {
    (arguments ?? []).flatMap(\.words) + (defaultSubcommand.flatMap(verb)?.options ?? [])
  }

  /// Those whose value is the next word, whatever that looks like.
  var greedyOptions: [String] {
    (arguments ?? []).filter { $0.parsingStrategy == "unconditional" }.flatMap(\.words)
  }
}
