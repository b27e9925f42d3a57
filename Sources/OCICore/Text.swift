/// The classes of characters that the grammars of the specs are made of, by bytes: no locale, no Unicode.

func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

func isLowercase(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

func isUppercase(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }

func isAlphanumeric(_ byte: UInt8) -> Bool { isLowercase(byte) || isUppercase(byte) || isDigit(byte) }

func isLowercaseAlphanumeric(_ byte: UInt8) -> Bool { isLowercase(byte) || isDigit(byte) }

func isLowercaseHex(_ byte: UInt8) -> Bool {
  isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
}

func isLowercaseHex(_ text: String) -> Bool {
  let bytes = text.utf8.span
  for index in bytes.indices where !isLowercaseHex(bytes[index]) { return false }
  return true
}

/// The byte in lower case, if it is an ASCII letter.
func lowercased(_ byte: UInt8) -> UInt8 { isUppercase(byte) ? byte | 0x20 : byte }

/// Whether two texts have the same bytes. (`==` takes two spellings of one letter for the same.)
func isIdentical(_ left: String, _ right: String) -> Bool {
  guard left.utf8.count == right.utf8.count else { return false }
  let (left, right) = (left.utf8.span, right.utf8.span)
  for index in left.indices where left[index] != right[index] { return false }
  return true
}

/// Whether two texts differ in the case of ASCII letters at most.
func equalsIgnoringCase(_ left: String, _ right: String) -> Bool {
  guard left.utf8.count == right.utf8.count else { return false }
  let (left, right) = (left.utf8.span, right.utf8.span)
  for index in left.indices where left[index] != right[index] && lowercased(left[index]) != lowercased(right[index]) {
    return false
  }
  return true
}

/// Whether Go's decoder would find a field, whose name is ASCII, by the name of a member.
func isName(_ name: String, of field: String) -> Bool {
  let (length, known) = (name.utf8.count, field.utf8.count)
  if length == known { return equalsIgnoringCase(name, field) }
  // Longer by the bytes of a long s or a Kelvin sign; nearly never, so the first letters are looked at first.
  guard length > known, length <= 3 * known, let first = name.utf8.first, let letter = field.utf8.first,
    first >= 0x80 || lowercased(first) == lowercased(letter), !isASCII(name)
  else { return false }
  return folded(name) == folded(field)
}

/// A name as Go's decoder compares it (encoding/json, `foldName`): without case, which for Unicode takes in the long s and
/// the Kelvin sign.
func folded(_ name: String) -> [UInt8] {
  let bytes = name.utf8.span
  var result: [UInt8] = []
  var index = 0
  func follows(_ other: [UInt8]) -> Bool {
    index + other.count <= bytes.count && other.indices.allSatisfy { bytes[index + $0] == other[$0] }
  }
  while index < bytes.count {
    if follows([0xC5, 0xBF]) {
      result.append(UInt8(ascii: "s"))
      index += 2
    } else if follows([0xE2, 0x84, 0xAA]) {
      result.append(UInt8(ascii: "k"))
      index += 3
    } else {
      result.append(lowercased(bytes[index]))
      index += 1
    }
  }
  return result
}

func isASCII(_ text: String) -> Bool {
  let bytes = text.utf8.span
  for index in bytes.indices where bytes[index] >= 0x80 { return false }
  return true
}

/// Whether one text comes before another by its UTF-8 bytes, which no locale changes.
package func byteOrder(_ left: String, _ right: String) -> Bool {
  let (left, right) = (left.utf8.span, right.utf8.span)
  for index in 0..<min(left.count, right.count) where left[index] != right[index] {
    return left[index] < right[index]
  }
  return left.count < right.count
}

/// Lower-case hexadecimal.
func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  text.reserveCapacity(bytes.count * 2)
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}

/// What a message shows of a text that came from outside: no more than a line of it, and no control characters.
func excerpt(_ text: String) -> String {
  let shown = text.unicodeScalars.prefix(160).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) }
  return String(shown) + (text.unicodeScalars.count > 160 ? "…" : "")
}
