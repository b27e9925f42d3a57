/// One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1): a scheme and its parameters.
struct AuthChallenge: Sendable, Hashable {
  /// The scheme in lower case, e.g. `bearer`.
  var scheme: String
  /// The parameters, their names in lower case.
  var parameters: [String: String] = [:]

  /// Parses all the challenges of all the headers. What is not understood is passed over: another challenge may do.
  static func parse(_ headers: [String]) -> [AuthChallenge] {
    headers.flatMap { header in
      var parser = Parser(rest: Substring(header))
      return parser.challenges()
    }
  }

  private struct Parser {
    var rest: Substring

    mutating func challenges() -> [AuthChallenge] {
      var result: [AuthChallenge] = []
      while true {
        skip { $0 == " " || $0 == "\t" || $0 == "," }
        let word = token()
        if word.isEmpty {
          // Not a token: leave out one character and look again, so that bad input ends.
          guard !rest.isEmpty else { return result }
          rest.removeFirst()
          continue
        }
        let afterWord = rest
        skipSpaces()
        if rest.first == "=", let last = result.indices.last {
          rest.removeFirst()
          skipSpaces()
          result[last].parameters[word.lowercased()] = value()
        } else {
          rest = afterWord
          result.append(AuthChallenge(scheme: word.lowercased()))
          skipToken68()
        }
      }
    }

    /// A value in quotes, where a backslash hides the next character, or up to a comma or space.
    private mutating func value() -> String {
      guard rest.first == "\"" else {
        let value = rest.prefix { $0 != "," && $0 != " " && $0 != "\t" }
        rest = rest[value.endIndex...]
        return String(value)
      }
      rest.removeFirst()
      var result = ""
      while let character = rest.popFirst(), character != "\"" {
        if character == "\\", let hidden = rest.popFirst() {
          result.append(hidden)
        } else {
          result.append(character)
        }
      }
      return result
    }

    /// Schemes such as Negotiate are followed by a lone word, which may end in `=`: it is no parameter.
    private mutating func skipToken68() {
      var ahead = self
      ahead.skipSpaces()
      guard !ahead.token().isEmpty else { return }
      ahead.skip { $0 == "=" || $0 == "/" }
      ahead.skipSpaces()
      if ahead.rest.isEmpty || ahead.rest.first == "," { rest = ahead.rest }
    }

    private mutating func token() -> String {
      let word = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "!#$%&'*+-.^_`|~".contains($0)) }
      rest = rest[word.endIndex...]
      return String(word)
    }

    private mutating func skipSpaces() { skip { $0 == " " || $0 == "\t" } }

    private mutating func skip(while isSkipped: (Character) -> Bool) { rest = rest.drop(while: isSkipped) }
  }
}
