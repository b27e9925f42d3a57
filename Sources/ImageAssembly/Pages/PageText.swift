/// How pages write what other people named, and numbers.
///
/// The scripts write numbers in the same way; a test compares the two.
enum PageText {
  // MARK: Names

  /// Text for markup, with what cannot be seen made visible.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in visible(text).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A name of a file, which may be any bytes: those that are no text are shown as `\xNN`.
  static func visible(_ bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return visible(text) }
    var result = ""
    var rest = bytes[...]
    while let byte = rest.first {
      let character = (1...min(4, rest.count)).lazy.compactMap { String(validating: rest.prefix($0), as: UTF8.self) }
        .first
      if let character {
        result += visible(character)
        rest = rest.dropFirst(character.utf8.count)
      } else {
        result += hexadecimal(byte)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  /// Text without characters that a reader does not see, or that turn the order of others around.
  static func visible(_ text: String) -> String {
    guard !text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
          result += scalar.value < 0x80 ? hexadecimal(UInt8(scalar.value)) : "\\u{\(String(scalar.value, radix: 16))}"
        default: result.unicodeScalars.append(scalar)
        }
      }
    }
    return result
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    "\\x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))"
  }

  // MARK: Numbers

  /// A size in binary units with one digit behind the point, in no locale.
  static func bytes(_ number: some BinaryInteger) -> String { bytes(Double(number)) }

  /// A size that was computed.
  static func bytes(_ number: Double) -> String {
    var value = number
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if value < 1024 { return unit == "B" ? "\(Int(value)) B" : "\(self.number(value)) \(unit)" }
      value /= 1024
    }
    return "\(self.number(value)) TiB"
  }

  /// A share of 1 in percent.
  static func percent(_ share: Double) -> String { "\(number(share * 100))%" }

  /// A part of a whole in percent; nothing of nothing is nothing.
  static func percent(_ part: Int64, of whole: Int64) -> String {
    percent(whole == 0 ? 0 : Double(part) / Double(whole))
  }

  /// One digit behind the point.
  static func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
  }

  /// A number of things, its thousands apart.
  static func count(_ number: Int) -> String {
    var groups: [Substring] = []
    var digits = Substring(String(number))
    while digits.count > 3 {
      groups.insert(digits.suffix(3), at: 0)
      digits = digits.dropLast(3)
    }
    return ([digits] + groups).joined(separator: ",")
  }

  /// A number of things with their name.
  static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    "\(count(number)) \(number == 1 ? one : many ?? one + "s")"
  }
}
