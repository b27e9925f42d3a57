internal import OCICore
public import SystemPackage

/// Names and passwords by host in the form of `netrc`, which curl, git and Nix read as well.
public struct NetrcFile: Sendable {
  private struct Machine {
    /// `nil` for the default.
    var name: String?
    var login = ""
    var password: String?
  }

  private let path: FilePath
  private var machines: [Machine] = []

  /// Reads a file.
  /// - Throws: `OCIError` where it cannot be read; `RegistryError.Code.credentialsUnavailable` where it is broken. No message
  ///   has anything of its content.
  public init(_ path: FilePath) throws {
    self.path = path
    var words = Self.words(String(decoding: try FileSystem.contents(of: path, limit: 1 << 20), as: UTF8.self))[...]
    func broken(_ why: String) -> RegistryError {
      RegistryError(.credentialsUnavailable, "the netrc file '\(path)' \(why); mend it")
    }
    while let word = words.popFirst() {
      switch word {
      case "default": machines.append(Machine(name: nil))
      case "machine", "login", "password", "account":
        guard let value = words.popFirst() else { throw broken("ends after '\(word)'") }
        if word == "machine" {
          machines.append(Machine(name: value.lowercased()))
          continue
        }
        guard !machines.isEmpty else { throw broken("has '\(word)' before a machine") }
        if word == "login" { machines[machines.count - 1].login = value }
        if word == "password" { machines[machines.count - 1].password = value }
      default: throw broken("has a word that is none of machine, default, login, password, account and macdef")
      }
    }
  }

  /// The words of a file without its comments and macros.
  private static func words(_ text: String) -> [String] {
    var result: [String] = []
    var isInMacro = false
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      if isInMacro {
        isInMacro = !line.allSatisfy(\.isWhitespace)
        continue
      }
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      let end = words.firstIndex { $0 == "macdef" || $0.hasPrefix("#") && isPlace($0, words) } ?? words.count
      isInMacro = end < words.count && words[end] == "macdef"
      result += words[..<end]
    }
    return result
  }

  /// Whether a word that begins with `#` is a comment, and no password.
  private static func isPlace(_ word: String, _ words: [String]) -> Bool {
    guard let index = words.firstIndex(of: word), index > 0 else { return true }
    return !["login", "password", "account", "machine"].contains(words[index - 1])
  }

  /// Who we are at a host, without its port; `nil` where the file does not say.
  public func credentials(for host: String) -> Credentials? {
    let host = host.lowercased()
    guard let machine = machines.first(where: { $0.name == nil || $0.name == host }), let password = machine.password
    else { return nil }
    return Credentials(user: machine.login, password: password, origin: path.string)
  }
}
