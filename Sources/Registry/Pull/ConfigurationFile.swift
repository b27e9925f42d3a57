/// The part of TOML that container tools' configuration files use: tables, arrays of tables, and keys with strings,
/// booleans, whole numbers or arrays of strings. Anything else is an error with its line, never passed over.
struct ConfigurationFile {
  enum Value: Hashable {
    case text(String)
    case flag(Bool)
    case number(Int)
    case texts([String])
  }

  /// A table, in the order of the file: `registry.mirror` under the `registry` it belongs to.
  struct Table: Hashable {
    var name: String
    var values: [String: Value] = [:]
  }

  struct Failure: Error {
    var line: Int
    var what: String
  }

  /// The tables, the first being what stands before any header, with an empty name.
  private(set) var tables = [Table(name: "")]

  init(parsing text: String) throws(Failure) {
    // A carriage return and a line feed are one character to Swift.
    var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)[...]
    var number = 0
    while let line = lines.popFirst() {
      number += 1
      var rest = Scanner(rest: line, line: number)
      rest.skipBlanks()
      guard !rest.isAtEnd else { continue }
      if rest.take("[") {
        try header(&rest)
        continue
      }
      let key = try rest.key()
      try rest.require("=")
      // An array may go on over several lines.
      if rest.rest.first == "[" {
        while !Scanner.isArrayClosed(rest.rest), let next = lines.popFirst() {
          number += 1
          rest.rest += "\n" + next
        }
      }
      let value = try rest.value()
      try rest.requireEnd()
      guard tables[tables.count - 1].values.updateValue(value, forKey: key) == nil else {
        throw Failure(line: number, what: "'\(key)' is given twice")
      }
    }
  }

  private mutating func header(_ rest: inout Scanner) throws(Failure) {
    let isArray = rest.take("[")
    var name = try rest.key()
    while rest.take(".") { name += "." + (try rest.key()) }
    try rest.require("]")
    if isArray { try rest.require("]") }
    try rest.requireEnd()
    tables.append(Table(name: name))
  }

  private struct Scanner {
    var rest: Substring
    let line: Int

    var isAtEnd: Bool { rest.isEmpty || rest.first == "#" || rest.first == "\r" }

    mutating func skipBlanks(andLines: Bool = false) {
      while true {
        rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\r\n" || (andLines && $0 == "\n") }
        guard andLines, rest.first == "#" else { return }
        rest = rest.drop { $0 != "\n" }
      }
    }

    mutating func take(_ character: Character) -> Bool {
      skipBlanks()
      guard rest.first == character else { return false }
      rest.removeFirst()
      skipBlanks()
      return true
    }

    mutating func require(_ character: Character) throws(Failure) {
      guard take(character) else { throw Failure(line: line, what: "'\(character)' is missing") }
    }

    func requireEnd() throws(Failure) {
      guard isAtEnd else { throw Failure(line: line, what: "'\(rest.prefix(40))' is not understood") }
    }

    mutating func key() throws(Failure) -> String {
      if rest.first == "\"" || rest.first == "'" { return try text() }
      let key = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
      guard !key.isEmpty else { throw Failure(line: line, what: "a name is missing before '\(rest.prefix(40))'") }
      rest = rest[key.endIndex...]
      return String(key)
    }

    mutating func value() throws(Failure) -> Value {
      defer { skipBlanks() }
      switch rest.first {
      case "\"", "'": return .text(try text())
      case "[": return .texts(try array())
      default:
        let word = rest.prefix { !" \t#,]\r\n".contains($0) && $0 != "\r\n" }
        rest = rest[word.endIndex...]
        if word == "true" || word == "false" { return .flag(word == "true") }
        guard let number = Int(word) else {
          throw Failure(line: line, what: "'\(word.prefix(40))' is neither text in quotes, true, false nor a number")
        }
        return .number(number)
      }
    }

    private mutating func array() throws(Failure) -> [String] {
      rest.removeFirst()
      var result: [String] = []
      while true {
        skipBlanks(andLines: true)
        if rest.first == "]" {
          rest.removeFirst()
          return result
        }
        guard rest.first == "\"" || rest.first == "'" else {
          throw Failure(line: line, what: "an array of texts in quotes is not closed, or holds something else")
        }
        result.append(try text())
        skipBlanks(andLines: true)
        if rest.first == "," { rest.removeFirst() }
      }
    }

    private mutating func text() throws(Failure) -> String {
      let quote = rest.removeFirst()
      var result = ""
      while let character = rest.popFirst(), character != "\n" {
        if character == quote { return result }
        guard character == "\\", quote == "\"" else {
          result.append(character)
          continue
        }
        switch rest.popFirst() {
        case "n": result.append("\n")
        case "t": result.append("\t")
        case "\"": result.append("\"")
        case "\\": result.append("\\")
        default: throw Failure(line: line, what: "a text has an escape that is not understood")
        }
      }
      throw Failure(line: line, what: "a text is not closed")
    }

    /// Whether the brackets are balanced outside of quotes and comments.
    static func isArrayClosed(_ text: Substring) -> Bool {
      var quote: Character?
      var isComment = false
      for character in text {
        if isComment {
          isComment = character != "\n"
        } else if let open = quote {
          if character == open { quote = nil }
        } else {
          switch character {
          case "\"", "'": quote = character
          case "#": isComment = true
          case "]": return true
          default: break
          }
        }
      }
      return false
    }
  }
}
