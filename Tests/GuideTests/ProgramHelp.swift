import OCICore

/// The verbs of the program and their options, as its help tells them.
struct ProgramHelp: Sendable {
  struct Verb: Sendable {
    var options: Set<String>
    var verbs: [String: Verb]

    init(_ object: JSON.Object?) {
      options = []
      verbs = [:]
      for argument in object?["arguments"]?.arrayValue ?? [] {
        for name in argument.objectValue?["names"]?.arrayValue ?? [] {
          guard let name = name.objectValue, let text = name["name"]?.stringValue else { continue }
          options.insert(name["kind"]?.stringValue == "long" ? "--\(text)" : "-\(text)")
        }
      }
      for command in object?["subcommands"]?.arrayValue ?? [] {
        let command = command.objectValue
        if let name = command?["commandName"]?.stringValue { verbs[name] = Verb(command) }
      }
      // What is meant where none is named.
      if let name = object?["defaultSubcommand"]?.stringValue, let verb = verbs[name] {
        options.formUnion(verb.options)
      }
    }
  }

  let program: Verb

  /// - Parameter json: What `--experimental-dump-help` prints.
  init(json: String) throws {
    program = Verb(try JSON(parsing: json).objectValue?["command"]?.objectValue)
  }

  /// What is wrong with a command of the program; the text begins with `flywheel `.
  func fault(of command: String) -> String? {
    var verb = program
    var name = "flywheel"
    var mayBeVerb = true
    for word in command.split(separator: " ").dropFirst().map(String.init) {
      // What follows is another command, or no command at all.
      if ["->", "|", "\\|", ">", "<", "&&"].contains(word) { return nil }
      let option = word.trimmingPrefix { "[(".contains($0) }.prefix { $0 != "=" && $0 != "]" && $0 != ")" && $0 != "," }
      if option.hasPrefix("-"), option.count > 1 {
        guard verb.options.contains(String(option)) else { return "'\(name)' has no option \(option)" }
      } else if mayBeVerb, let next = verb.verbs[word] {
        verb = next
        name += " \(word)"
        continue
      } else if mayBeVerb, !verb.verbs.isEmpty, verb.options.count <= 4, word != word.uppercased(), name == "flywheel" {
        return "there is no verb '\(word)'"
      }
      mayBeVerb = false
    }
    return nil
  }

  /// The long options of all verbs that users call, with the verb that has each.
  var longOptions: [(verb: String, option: String)] {
    func collect(_ verb: Verb, _ name: String) -> [(verb: String, option: String)] {
      verb.options.filter { $0.hasPrefix("--") }.sorted().map { (name, $0) }
        + verb.verbs.sorted { $0.key < $1.key }.flatMap { collect($0.value, "\(name) \($0.key)") }
    }
    return collect(program, "flywheel")
  }

  /// What is wrong with the commands that a guide names between its lines.
  func findings(in guide: Guide) -> [GuideFinding] {
    var findings: [GuideFinding] = []
    for (index, line) in guide.prose.enumerated() {
      for code in line.matches(of: /`(flywheel [^`]*)`/) {
        if let message = fault(of: String(code.1)) {
          findings.append(GuideFinding(file: guide.path, line: index + 1, message: "\(message): `\(code.1)`"))
        }
      }
    }
    return findings
  }
}
