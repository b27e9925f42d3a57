/// What was probably meant by a verb or an option that does not exist.
struct Suggestion {
  /// What is wrong and what was meant, for people.
  let message: String

  /// Looks for the first word of a command line that is neither a verb nor an option of its verb.
  /// - Parameter root: What there is.
  init?(for words: [String], in root: VerbDescription) {
    var verb = root
    var path: [String] = []
    var isValue = false
    for word in words {
      if isValue {
        isValue = false
        continue
      }
      if word == "--" { return nil }
      if word.hasPrefix("--") || word.count == 2 && word.hasPrefix("-") && word.last?.isLetter == true {
        let name = String(word.prefix { $0 != "=" })
        let known =
          verb.options + [
            "--help", "-h", "--version", "--generate-completion-script", "--experimental-dump-help",
          ]
        isValue = verb.greedyOptions.contains(word)
        if known.contains(name) { continue }
        guard name.count > 2, !(path.isEmpty && ["--quiet", "--verbose", "--color", "--json"].contains(name)) else {
          let place = path.isEmpty ? "; options stand after the verb" : ""
          self.init("there is no option '\(name)' of '\(Self.place(path))'\(place)", nil, path)
          return
        }
        self.init("there is no option '\(name)' of '\(Self.place(path))'", Self.nearest(to: name, in: known), path)
        return
      }
      // What follows an option may be its value: only a verb's own place tells that a word should be one.
      guard let verbs = verb.subcommands, !verbs.isEmpty, !word.hasPrefix("-") else { continue }
      if let next = verb.verb(word) {
        path.append(word)
        verb = next
      } else if word == words.dropFirst(path.count).first, word != "help" {
        let nearest = Self.nearest(to: word, in: verbs.map(\.commandName))
        // A file is no verb; of what it is, its option tells.
        let file = word.contains(where: { "./".contains($0) }) ? ", and files are given to options" : ""
        self.init("there is no verb '\(word)' of '\(Self.place(path))'\(nearest == nil ? file : "")", nearest, path)
        return
      }
    }
    return nil
  }

  /// Where help is asked for, which is given for the program where there is no such verb: looks whether there is.
  init?(forHelpOf words: [String]) {
    let verbs = words.first == "help" ? Array(words.dropFirst()) : words
    guard let first = verbs.first, !first.hasPrefix("-"),
      words.first == "help" || words.contains("--help") || words.contains("-h"), let root = VerbDescription.all()
    else { return nil }
    self.init(for: verbs.filter { !["--help", "-h"].contains($0) }, in: root)
  }

  private static func place(_ path: [String]) -> String { (["flywheel"] + path).joined(separator: " ") }

  private init(_ problem: String, _ nearest: String?, _ path: [String]) {
    message =
      nearest.map { "\(problem); did you mean '\($0)'?" }
      ?? "\(problem); '\(Self.place(path)) --help' lists what there is"
  }

  // MARK: Distance

  /// The nearest, if it is near enough that it can have been meant; the first in alphabetical order of several.
  static func nearest(to word: String, in candidates: [String]) -> String? {
    let bound = max(1, word.drop { $0 == "-" }.count / 3)
    return candidates.sorted().map { (distance(word, $0), $0) }.filter { distance, candidate in
      distance <= bound || candidate.hasPrefix(word) && word.drop { $0 == "-" }.count >= 2
    }.min { $0.0 < $1.0 }?.1
  }

  /// How many letters have to be put in, left out, exchanged with others or with their neighbours (optimal string alignment).
  static func distance(_ one: String, _ other: String) -> Int {
    let (a, b) = (Array(one), Array(other))
    var rows = [Array(0...b.count)]
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var best = min(row[j] + 1, rows[i][j + 1] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
