extension JSON {
  /// Parses JSON text (RFC 8259) in UTF-8. Nesting and the number of values are bounded, and a name may appear once in an
  /// object.
  /// - Parameters:
  ///   - bytes: The text, in UTF-8.
  ///   - valueLimit: How many values it may have, all levels counted. A value costs up to some 200 bytes of memory,
  ///     be it two bytes of text; real documents of many megabytes have fewer than the default.
  /// - Throws: `OCIError`: `invalidJSON`, naming line and column, or `limitExceeded`.
  public init(parsing bytes: [UInt8], valueLimit: Int = 1_000_000) throws(OCIError) {
    var parser = Parser(bytes: bytes, valueLimit: valueLimit)
    self = try parser.document()
  }

  /// Parses JSON text.
  /// - Throws: `OCIError.Code.invalidJSON`, naming line and column.
  public init(parsing text: String) throws(OCIError) {
    try self.init(parsing: Array(text.utf8))
  }

  /// The names of an object that is being read, to find one that comes twice.
  private struct Names {
    /// Empty while there are so few that looking at each is faster.
    private var many: Set<[UInt8]> = []
    private static let few = 16

    mutating func insert(_ name: String, besides members: [(name: String, value: JSON)]) -> Bool {
      if members.count < Self.few { return !members.contains { isIdentical($0.name, name) } }
      if many.isEmpty { many = Set(members.map { Array($0.name.utf8) }) }
      return many.insert(Array(name.utf8)).inserted
    }
  }

  private struct Parser {
    let bytes: [UInt8]
    var position = 0
    var depth = 0

    /// Deeper text is hostile: real documents nest less than ten levels.
    static let maximumDepth = 256
    let valueLimit: Int
    var valueCount = 0

    init(bytes: [UInt8], valueLimit: Int) {
      self.bytes = bytes
      self.valueLimit = valueLimit
    }

    mutating func document() throws(OCIError) -> JSON {
      do { _ = try UTF8Span(validating: bytes.span) } catch let failure {
        position = failure.byteOffsets.lowerBound
        throw error("the text is not valid UTF-8")
      }
      if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
      skipSpace()
      let result = try value()
      skipSpace()
      guard position == bytes.count else { throw error("there is text after the end of the value") }
      return result
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    func error(_ why: String) -> OCIError {
      let before = bytes[..<Swift.min(position, bytes.count)]
      let line = before.count { $0 == UInt8(ascii: "\n") } + 1
      let column = before.count - (before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0) + 1
      return OCIError(.invalidJSON, "line \(line), column \(column): \(why)")
    }

    private mutating func skipSpace() {
      while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func value() throws(OCIError) -> JSON {
      valueCount += 1
      guard valueCount <= valueLimit else {
        throw OCIError(.limitExceeded, "the text has more than \(valueLimit) values")
      }
      guard let byte = current else { throw error("the text ends where a value should be") }
      switch byte {
      case UInt8(ascii: "{"): return try nested { (parser) throws(OCIError) in try parser.object() }
      case UInt8(ascii: "["): return try nested { (parser) throws(OCIError) in try parser.array() }
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "t"): return try literal("true", .bool(true))
      case UInt8(ascii: "f"): return try literal("false", .bool(false))
      case UInt8(ascii: "n"): return try literal("null", .null)
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
      default: throw error("expected a value")
      }
    }

    private mutating func nested(
      _ body: (inout Parser) throws(OCIError) -> JSON
    ) throws(OCIError) -> JSON {
      depth += 1
      guard depth <= Self.maximumDepth else { throw error("more than \(Self.maximumDepth) levels of nesting") }
      let result = try body(&self)
      depth -= 1
      return result
    }

    private mutating func literal(_ text: String, _ result: JSON) throws(OCIError) -> JSON {
      guard bytes[position...].starts(with: text.utf8) else { throw error("expected \(text)") }
      position += text.utf8.count
      return result
    }

    private mutating func array() throws(OCIError) -> JSON {
      position += 1
      skipSpace()
      var elements: [JSON] = []
      if current == UInt8(ascii: "]") {
        position += 1
        return .array(elements)
      }
      while true {
        skipSpace()
        elements.append(try value())
        skipSpace()
        if current == UInt8(ascii: "]") {
          position += 1
          return .array(elements)
        }
        guard current == UInt8(ascii: ",") else { throw error("expected ',' or ']'") }
        position += 1
      }
    }

    private mutating func object() throws(OCIError) -> JSON {
      position += 1
      skipSpace()
      var result = Object()
      var names = Names()
      if current == UInt8(ascii: "}") {
        position += 1
        return .object(result)
      }
      while true {
        skipSpace()
        guard current == UInt8(ascii: "\"") else { throw error("expected a member name in double quotes") }
        let start = position
        let name = try string()
        guard names.insert(name, besides: result.members) else {
          position = start
          throw error("member \"\(excerpt(name))\" appears twice in one object")
        }
        skipSpace()
        guard current == UInt8(ascii: ":") else { throw error("expected ':' after \"\(excerpt(name))\"") }
        position += 1
        skipSpace()
        result.append(name, try value())
        skipSpace()
        if current == UInt8(ascii: "}") {
          position += 1
          return .object(result)
        }
        guard current == UInt8(ascii: ",") else { throw error("expected ',' or '}'") }
        position += 1
      }
    }

    private mutating func number() throws(OCIError) -> String {
      let start = position
      if current == UInt8(ascii: "-") { position += 1 }
      let integerStart = position
      try digits()
      if bytes[integerStart] == UInt8(ascii: "0"), position - integerStart > 1 {
        position = integerStart
        throw error("a number may not begin with a zero")
      }
      if current == UInt8(ascii: ".") {
        position += 1
        try digits()
      }
      if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
        position += 1
        if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
        try digits()
      }
      return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func digits() throws(OCIError) {
      let start = position
      while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
      guard position > start else { throw error("expected a digit") }
    }

    private mutating func string() throws(OCIError) -> String {
      let start = position
      position += 1
      skipPlain()
      // Nearly every string is without escapes: its bytes are those of the text.
      var text: [UInt8] = []
      let isPlain = current == UInt8(ascii: "\"")
      if !isPlain { text.append(contentsOf: bytes[(start + 1)..<position]) }
      while let byte = current {
        switch byte {
        case UInt8(ascii: "\""):
          // The text was valid as a whole, so its parts between quotes are, and escapes add whole letters.
          let result =
            isPlain
            ? String(decoding: bytes[(start + 1)..<position], as: UTF8.self) : String(decoding: text, as: UTF8.self)
          position += 1
          return result
        case UInt8(ascii: "\\"):
          try escape(into: &text)
        case 0..<0x20:
          throw error("a control character inside a string must be escaped")
        default:
          let plain = position
          skipPlain()
          text.append(contentsOf: bytes[plain..<position])
        }
      }
      position = start
      throw error("the string that begins here has no end")
    }

    /// Goes on to the next quote, backslash or control character.
    private mutating func skipPlain() { position = Self.endOfPlain(bytes.span, from: position) }

    private static func endOfPlain(_ bytes: Span<UInt8>, from start: Int) -> Int {
      var position = start
      while position < bytes.count {
        let byte = bytes[position]
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
        position += 1
      }
      return position
    }

    private mutating func escape(into text: inout [UInt8]) throws(OCIError) {
      position += 1
      guard let byte = current else { throw error("the text ends inside an escape") }
      position += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
      case UInt8(ascii: "b"): text.append(0x08)
      case UInt8(ascii: "f"): text.append(0x0C)
      case UInt8(ascii: "n"): text.append(0x0A)
      case UInt8(ascii: "r"): text.append(0x0D)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "u"):
        var scalar = try hexUnit()
        if (0xD800...0xDBFF).contains(scalar) {
          guard bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else {
            throw error("half of a surrogate pair")
          }
          position += 2
          let low = try hexUnit()
          guard (0xDC00...0xDFFF).contains(low) else { throw error("half of a surrogate pair") }
          scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let value = Unicode.Scalar(scalar) else { throw error("half of a surrogate pair") }
        text.append(contentsOf: String(Character(value)).utf8)
      default:
        position -= 1
        throw error("unknown escape")
      }
    }

    private mutating func hexUnit() throws(OCIError) -> UInt32 {
      guard position + 4 <= bytes.count else { throw error("the text ends inside an escape") }
      var value: UInt32 = 0
      for byte in bytes[position..<position + 4] {
        guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
          throw error("\\u needs four hexadecimal digits")
        }
        value = value << 4 | UInt32(digit)
      }
      position += 4
      return value
    }
  }
}
