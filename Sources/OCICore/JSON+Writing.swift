extension JSON {
  /// The canonical text: no spaces, members in order, only what must be escaped is escaped (`"`, `\` and control
  /// characters), so that the bytes depend on the value alone.
  public var canonicalBytes: [UInt8] {
    var output: [UInt8] = []
    write(into: &output, indentation: nil)
    return output
  }

  /// The text for people: two spaces of indentation.
  public var prettyText: String {
    var output: [UInt8] = []
    write(into: &output, indentation: 0)
    return String(decoding: output, as: UTF8.self)
  }

  private func write(into output: inout [UInt8], indentation: Int?) {
    switch self {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
    case .number(let text): output.append(contentsOf: text.utf8)
    case .string(let text): Self.write(text, into: &output)
    case .array(let elements):
      let inner = indentation.map { $0 + 1 }
      output.append(UInt8(ascii: "["))
      for index in elements.indices {
        Self.beginItem(index, inner, into: &output)
        elements[index].write(into: &output, indentation: inner)
      }
      if !elements.isEmpty { Self.newLine(indentation, into: &output) }
      output.append(UInt8(ascii: "]"))
    case .object(let object):
      let inner = indentation.map { $0 + 1 }
      output.append(UInt8(ascii: "{"))
      for index in object.members.indices {
        Self.beginItem(index, inner, into: &output)
        Self.write(object.members[index].name, into: &output)
        output.append(UInt8(ascii: ":"))
        if indentation != nil { output.append(UInt8(ascii: " ")) }
        object.members[index].value.write(into: &output, indentation: inner)
      }
      if !object.members.isEmpty { Self.newLine(indentation, into: &output) }
      output.append(UInt8(ascii: "}"))
    }
  }

  private static func beginItem(_ index: Int, _ indentation: Int?, into output: inout [UInt8]) {
    if index > 0 { output.append(UInt8(ascii: ",")) }
    newLine(indentation, into: &output)
  }

  private static func newLine(_ indentation: Int?, into output: inout [UInt8]) {
    guard let indentation else { return }
    output.append(UInt8(ascii: "\n"))
    output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * indentation))
  }

  private static func write(_ text: String, into output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    let bytes = text.utf8.span
    // Most texts are written as they are.
    var plain = 0
    while plain < bytes.count, !mustBeEscaped(bytes[plain]) { plain += 1 }
    if plain == bytes.count {
      output.append(contentsOf: text.utf8)
    } else {
      for index in bytes.indices { write(escaping: bytes[index], into: &output) }
    }
    output.append(UInt8(ascii: "\""))
  }

  private static func mustBeEscaped(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private static func write(escaping byte: UInt8, into output: inout [UInt8]) {
    guard mustBeEscaped(byte) else { return output.append(byte) }
    output.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x0A: output.append(UInt8(ascii: "n"))
    case 0x0D: output.append(UInt8(ascii: "r"))
    case 0x09: output.append(UInt8(ascii: "t"))
    case 0..<0x20: output.append(contentsOf: "u00\(hexadecimal([byte]))".utf8)
    default: output.append(byte)
    }
  }
}
