internal import OCICore
public import SystemPackage

/// Values that come from outside, such as a commit, put into labels, annotations and tags where these say `${NAME}`.
///
/// `${NAME:-text}` is the text where there is no such value or it is empty, `$$` is a dollar. A value that is missing is an
/// error, never an empty text.
public struct Stamp: Sendable {
  private let values: [String: String]
  private let environment: @Sendable (String) -> String?

  /// Creates a stamp.
  /// - Parameters:
  ///   - values: The values by name.
  ///   - environment: Asked for what `values` do not have.
  public init(_ values: [String: String] = [:], environment: @escaping @Sendable (String) -> String? = { _ in nil }) {
    self.values = values
    self.environment = environment
  }

  /// Adds the values of a file: lines of a name, a space or `=`, and the value, as Bazel's workspace status and env files have
  /// them. Empty lines and those that begin with `#` are passed over.
  /// - Throws: `AssemblyError`: `fileUnreadable`, `invalidSettings` naming the line.
  public func adding(file path: FilePath) throws(AssemblyError) -> Stamp {
    let bytes: [UInt8]
    do { bytes = try FileSystem.contents(of: path, limit: 16 << 20) } catch {
      throw AssemblyError(.fileUnreadable, "stamp file: \(error.message)")
    }
    var values = self.values
    for (number, line) in String(decoding: bytes, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline
    ).enumerated() {
      if line.isEmpty || line.hasPrefix("#") { continue }
      let end = line.firstIndex { $0 == " " || $0 == "=" } ?? line.endIndex
      guard end > line.startIndex else {
        throw AssemblyError(.invalidSettings, "stamp file '\(path)', line \(number + 1): expected a name and its value")
      }
      values[String(line[..<end])] = end < line.endIndex ? String(line[line.index(after: end)...]) : ""
    }
    return Stamp(values, environment: environment)
  }

  /// A value; `nil` where there is none.
  public func value(_ name: String) -> String? { values[name] ?? environment(name) }

  /// A text with its values put in.
  /// - Throws: `AssemblyError.Code.invalidSettings`, naming the value that is missing.
  public func text(_ text: String) throws(AssemblyError) -> String {
    guard text.contains("$") else { return text }
    func wrong(_ why: String) -> AssemblyError { AssemblyError(.invalidSettings, "'\(text)': \(why)") }
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      if rest.first == "$" {
        result += "$"
        rest = rest.dropFirst()
        continue
      }
      guard rest.first == "{", let end = rest.firstIndex(of: "}") else {
        throw wrong("a dollar begins ${NAME}; write $$ for the dollar itself")
      }
      let inside = rest[rest.index(after: rest.startIndex)..<end]
      rest = rest[rest.index(after: end)...]
      let parts = inside.split(separator: ":-", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard !name.isEmpty else { throw wrong("there is no name between the braces") }
      if let value = value(name), !value.isEmpty || parts.count == 1 {
        result += value
      } else if parts.count == 2 {
        result += parts[1]
      } else {
        throw wrong(
          "there is no value for \(name); set it in the environment or a stamp file, or write ${\(name):-text}")
      }
    }
    return result + rest
  }

  /// All values of a map with values put in.
  /// - Throws: As `text`.
  public func texts(_ map: [String: String]) throws(AssemblyError) -> [String: String] {
    var result = map
    for (name, text) in map { result[name] = try self.text(text) }
    return result
  }
}
