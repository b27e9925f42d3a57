/// A fenced block of a guide.
struct GuideBlock: Sendable {
  /// What the fence says it is: `sh`, `swift`, …
  var language: String
  /// The line of the file that the content begins at, from 1.
  var line: Int
  /// The content, with the fence's indentation taken away.
  var text: String
  /// The comments right before it that tell the checker something, by name.
  var directives: [String: String] = [:]

  /// Languages, and what is done with them: see README.md.
  static let languages: Set<String> = [
    "sh", "swift", "json", "yaml", "nix", "toml", "dockerfile", "text",
  ]

  /// Comments that mean something, and the languages of the blocks that they may stand before; none is any but `sh`.
  static let directives: [String: Set<String>] = [
    "exits": ["sh"], "not run": ["sh"], "given": ["swift"], "ci": ["yaml"], "file": languages.subtracting(["sh"]),
  ]
}
