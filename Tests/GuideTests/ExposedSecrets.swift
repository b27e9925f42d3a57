import Foundation

/// Finds secrets on the command line, where every user of a machine sees them.
///
/// A variable that is named like a secret, or a secret of the CI's, may be an argument of `echo` and `printf` alone, which
/// the shell runs itself, and what these print has to go to another command.
enum ExposedSecrets {
  /// The lines of a script, from 1, that show a secret.
  static func lines(of script: String) -> [Int] {
    var found: [Int] = []
    for (line, command) in commands(script) where shows(command) { found.append(line) }
    return found
  }

  /// The script's commands by pipeline, each with the line it begins at; lines that go on are one.
  private static func commands(_ script: String) -> [(Int, String)] {
    var result: [(Int, String)] = []
    var begin = 0
    var text = ""
    for (index, line) in script.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if text.isEmpty { begin = index + 1 }
      if line.trimmingCharacters(in: .whitespaces).hasPrefix("#") { continue }
      text += line.hasSuffix("\\") ? line.dropLast() + " " : line
      if line.hasSuffix("\\") { continue }
      let trimmed = text.trimmingCharacters(in: .whitespaces)
      if trimmed.hasSuffix("|") || trimmed.hasSuffix("&&") {
        text += " "
        continue
      }
      for part in text.replacing("&&", with: ";").replacing("||", with: ";").split(separator: ";") {
        result.append((begin, String(part)))
      }
      text = ""
    }
    return result
  }

  private static func shows(_ pipeline: String) -> Bool {
    let parts = pipeline.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    for (index, part) in parts.enumerated() {
      // What a command reads, and variables that are set for it, are no arguments.
      var text = part.replacing(/<<<\s*("[^"]*"|'[^']*'|\S+)/, with: "")
      // A variable that takes what a command prints: the command is what counts.
      text = text.replacing(/^\s*(export\s+)?[A-Za-z_][A-Za-z_0-9]*="?\$\(/, with: "")
      text = text.replacing(/^\s*((export\s+)?[A-Za-z_][A-Za-z_0-9]*=("[^"]*"|'[^']*'|[^\s"']\S*|)\s*)+/, with: "")
      guard isSecret(text) else { continue }
      let command = text.split(separator: " ").first.map(String.init) ?? ""
      if ["[", "test", "[["].contains(command) { continue }
      let isRead = index + 1 < parts.count || text.contains(">")
      if ["echo", "printf"].contains(command), isRead { continue }
      return true
    }
    return false
  }

  private static func isSecret(_ text: String) -> Bool {
    if text.contains(/\$\{\{\s*(secrets\.|github\.token)/) { return true }
    let names = text.matches(of: /\$\{?([A-Za-z_0-9]+)/).map { String($0.1).uppercased() }
    return names.contains { name in
      !name.hasSuffix("_FILE")
        && ["TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET"].contains { name.contains($0) }
    }
  }
}
