public import SystemPackage

/// A pattern for paths of an image, as bytes.
///
/// `*` stands for anything but a slash, `?` for one byte but a slash, `[a-z]` and `[!a-z]` for one byte of a set, `**` for anything at all,
/// where it is a whole component also for none. A backslash takes the next byte as it is. A pattern without a slash means a name
/// at any depth; any other begins at `/`, whether it says so or not.
public struct PathPattern: Sendable, Hashable, CustomStringConvertible {
  private enum Token: Sendable, Hashable {
    case byte(UInt8)
    case set([ClosedRange<UInt8>], isNegated: Bool)
    /// One byte but a slash.
    case one
    /// Any bytes but slashes.
    case name
    /// Any bytes.
    case anything
    /// Whole components, each with its slash.
    case directories
  }

  /// The pattern's text.
  public let description: String
  private let tokens: [Token]
  /// What the text is.
  public let kind: Kind

  /// What a pattern's text is.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A pattern with `*`, `?`, `[...]` and `**`.
    case glob
    /// One path, whatever its bytes.
    case path
    /// A regular expression that is searched for in a path, which begins with a slash.
    case expression
  }

  var isExpression: Bool { kind == .expression }
  /// The path, where the pattern stands for one alone.
  let exactPath: [UInt8]?

  /// Reads a pattern.
  /// - Throws: `TarballError.Code.invalidRecipe` for an empty one, one with `..`, and a set that does not end.
  public init(_ text: String) throws(TarballError) {
    description = text
    var bytes = Array(text.utf8)
    func wrong(_ why: String) -> TarballError { TarballError(.invalidRecipe, "the pattern '\(text)' \(why)") }
    guard !bytes.isEmpty else { throw wrong("is empty") }
    guard !bytes.split(separator: Self.slash).contains(where: { $0.elementsEqual([Self.dot, Self.dot]) }) else {
      throw wrong("has '..' in it")
    }
    let isAnchored = bytes.dropLast(bytes.last == Self.slash ? 1 : 0).contains(Self.slash)
    while bytes.first == Self.slash { bytes.removeFirst() }
    while bytes.last == Self.slash { bytes.removeLast() }
    guard !bytes.isEmpty else {
      // The root, and everything in it.
      tokens = []
      kind = .glob
      exactPath = []
      return
    }
    var tokens: [Token] = isAnchored ? [] : [.directories]
    var index = 0
    var isExact = isAnchored
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      switch byte {
      case UInt8(ascii: "*"):
        isExact = false
        guard index < bytes.count, bytes[index] == byte else {
          tokens.append(.name)
          continue
        }
        while index < bytes.count, bytes[index] == byte { index += 1 }
        let isComponent = tokens.isEmpty || tokens.last == .byte(Self.slash) || tokens.last == .directories
        if isComponent, index < bytes.count, bytes[index] == Self.slash {
          index += 1
          tokens.append(.directories)
        } else {
          tokens.append(.anything)
        }
      case UInt8(ascii: "?"):
        isExact = false
        tokens.append(.one)
      case UInt8(ascii: "["):
        isExact = false
        guard let (token, end) = Self.set(bytes, index) else { throw wrong("has a '[' without its ']'") }
        tokens.append(token)
        index = end
      case UInt8(ascii: "\\"):
        guard index < bytes.count else { throw wrong("ends in a backslash") }
        tokens.append(.byte(bytes[index]))
        index += 1
      default: tokens.append(.byte(byte))
      }
    }
    self.tokens = tokens
    kind = .glob
    exactPath = isExact ? tokens.compactMap { if case .byte(let byte) = $0 { byte } else { nil } } : nil
  }

  /// The pattern that stands for one path alone, whatever its bytes.
  public init(exactly path: FilePath) {
    let bytes = Array(HostFileSystem.path(path.lexicallyNormalized()).dropLast().drop { $0 == Self.slash })
    description = path.string
    tokens = bytes.map(Token.byte)
    kind = .path
    exactPath = bytes
  }

  /// A regular expression that is searched for in a path, which begins with a slash; for what other tools have written.
  /// - Throws: `TarballError.Code.invalidRecipe` where it is none.
  public init(regularExpression text: String) throws(TarballError) {
    do { _ = try Regex(text) } catch {
      throw TarballError(.invalidRecipe, "the regular expression '\(text)' is not understood: \(error)")
    }
    description = text
    tokens = []
    kind = .expression
    exactPath = nil
  }

  /// Reads a text of any kind.
  /// - Throws: `TarballError.Code.invalidRecipe`.
  public init(_ text: String, kind: Kind) throws(TarballError) {
    switch kind {
    case .glob: try self.init(text)
    case .path: self.init(exactly: FilePath(text))
    case .expression: try self.init(regularExpression: text)
    }
  }

  private static let slash = UInt8(ascii: "/")
  private static let dot = UInt8(ascii: ".")

  private static func set(_ bytes: [UInt8], _ start: Int) -> (Token, end: Int)? {
    var index = start
    var isNegated = false
    if index < bytes.count, bytes[index] == UInt8(ascii: "!") || bytes[index] == UInt8(ascii: "^") {
      isNegated = true
      index += 1
    }
    var ranges: [ClosedRange<UInt8>] = []
    while index < bytes.count, bytes[index] != UInt8(ascii: "]") || ranges.isEmpty {
      var first = bytes[index]
      if first == UInt8(ascii: "\\"), index + 1 < bytes.count {
        index += 1
        first = bytes[index]
      }
      index += 1
      if index + 1 < bytes.count, bytes[index] == UInt8(ascii: "-"), bytes[index + 1] != UInt8(ascii: "]") {
        let last = bytes[index + 1]
        guard first <= last else { return nil }
        ranges.append(first...last)
        index += 2
      } else {
        ranges.append(first...first)
      }
    }
    return index < bytes.count ? (.set(ranges, isNegated: isNegated), index + 1) : nil
  }

  // MARK: Matching

  /// Whether a path matches.
  /// - Parameter path: Relative to the image's root, without slashes at its ends.
  func matches(_ path: some Collection<UInt8>) -> Bool {
    if isExpression { return Expression(self).matches(path) }
    if let exactPath { return path.elementsEqual(exactPath) }
    return ends(in: path).contains(path.count)
  }

  /// Whether a path or a directory above it matches.
  func matchesOrContains(_ path: [UInt8]) -> Bool {
    if isExpression { return Expression(self).matches(path) }
    if let exactPath {
      return path.starts(with: exactPath)
        && (path.count == exactPath.count || exactPath.isEmpty || path[exactPath.count] == Self.slash)
    }
    return ends(in: path).contains { $0 == path.count || path[$0] == Self.slash }
  }

  /// A regular expression, ready to be asked about many paths. It is no part of the pattern, because a compiled one is no value.
  struct Expression {
    private let expression: Regex<AnyRegexOutput>?

    init(_ pattern: PathPattern) {
      // It was compiled when the pattern was made, so it is one. Scalars, not letters, as the tools that write such patterns have it.
      expression = (try? Regex(pattern.description))?.matchingSemantics(.unicodeScalar)
    }

    func matches(_ path: some Collection<UInt8>) -> Bool {
      expression.map { String(decoding: [PathPattern.slash] + path, as: UTF8.self).contains($0) } ?? false
    }
  }

  /// The lengths of the beginnings of a path that match. All ways to match are followed at once, so no pattern takes long.
  private func ends(in path: some Collection<UInt8>) -> [Int] {
    var result: [Int] = []
    var states = [Bool](repeating: false, count: tokens.count + 1)
    states[0] = true
    skip(&states, isComponentStart: true)
    if states[tokens.count] { result.append(0) }
    for (index, byte) in path.enumerated() {
      var next = [Bool](repeating: false, count: tokens.count + 1)
      for (place, token) in tokens.enumerated() where states[place] {
        switch token {
        case .byte(let expected): if byte == expected { next[place + 1] = true }
        case .one: if byte != Self.slash { next[place + 1] = true }
        case .set(let ranges, let isNegated):
          if byte != Self.slash, ranges.contains(where: { $0.contains(byte) }) != isNegated { next[place + 1] = true }
        case .name: if byte != Self.slash { next[place] = true }
        case .anything, .directories: next[place] = true
        }
      }
      skip(&next, isComponentStart: byte == Self.slash)
      states = next
      if states[tokens.count] { result.append(index + 1) }
      if !states.contains(true) { break }
    }
    return result
  }

  private func skip(_ states: inout [Bool], isComponentStart: Bool) {
    for (place, token) in tokens.enumerated() where states[place] {
      switch token {
      case .name, .anything: states[place + 1] = true
      case .directories: if isComponentStart { states[place + 1] = true }
      default: break
      }
    }
  }
}
