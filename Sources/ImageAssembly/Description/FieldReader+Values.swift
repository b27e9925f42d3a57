package import OCICore

extension FieldReader {
  /// One of several words.
  package mutating func choice<Value>(_ field: String, _ values: [String: Value]) throws(OCIError) -> Value? {
    guard let text = try string(field) else { return nil }
    guard let value = values[text] else {
      throw error(field, "is '\(text)'; it must be one of \(values.keys.sorted(by: byteOrder).joined(separator: ", "))")
    }
    return value
  }

  mutating func octal(_ field: String) throws(OCIError) -> UInt32? {
    guard let text = try string(field) else { return nil }
    guard let mode = UInt32(text, radix: 8), mode < 1 << 12 else {
      throw error(field, "is '\(text)'; it must be octal digits in quotes, at most \"7777\"")
    }
    return mode
  }

  mutating func number(_ field: String) throws(OCIError) -> UInt32? {
    guard let value = try integer(field) else { return nil }
    guard let number = UInt32(exactly: value) else { throw error(field, "must be a number of 32 bits") }
    return number
  }

  mutating func bytesMap(_ field: String) throws(OCIError) -> [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    for (name, text) in try stringMap(field) ?? [:] {
      guard let bytes = Base64.decode(text) else { throw error("\(field).\(name)", "must be base64") }
      result[name] = bytes
    }
    return result
  }

  /// What nobody has asked for is not passed over: it might mean other bytes.
  package func requireNothingElse() throws(OCIError) {
    if let stray = remainder.members.first {
      throw error(
        stray.name, "is no member that this version knows; use the version that wrote it, or correct its name")
    }
  }
}
