/// What a value is called in messages, put together only when a message is needed: a list may have thousands of values.
struct FieldPath: CustomStringConvertible {
  private let parent: String
  private let field: String
  private let index: Int?
  private var member = ""

  init(_ parent: String, _ field: String = "", _ index: Int? = nil) {
    self.parent = parent
    self.field = field
    self.index = index
  }

  /// The path of a member of an object that has none but members without objects of their own.
  func appending(_ member: String) -> FieldPath {
    var path = self
    path.member = member
    return path
  }

  var description: String {
    let steps = [parent, field + (index.map { "[\($0)]" } ?? ""), member]
    return steps.filter { !$0.isEmpty }.joined(separator: ".")
  }
}

/// Reads the members of one JSON object, naming the field in every error, and remembers which it has read so that the
/// rest can be kept.
///
/// Names are found in any case, as Go's decoder finds them, because hand-written files and other tools rely on it; so also
/// with a long s for an s, because what that decoder finds and we do not would be two things to two tools.
package struct FieldReader {
  private let members: [(name: String, value: JSON)]
  private let path: FieldPath
  private var isRead: [Bool]

  /// - Parameter path: What the object is called in messages, e.g. `manifest.layers[2]`.
  package init(_ value: JSON, path: String) throws(OCIError) {
    try self.init(value, path: FieldPath(path))
  }

  init(_ value: JSON, path: FieldPath) throws(OCIError) {
    guard let object = value.objectValue else {
      throw OCIError(.invalidDocument, "\(path) must be an object, but it is \(value.kind)")
    }
    members = object.members
    isRead = Array(repeating: false, count: members.count)
    self.path = path
  }

  /// An error about one field.
  package func error(_ field: String, _ why: String) -> OCIError {
    OCIError(.invalidDocument, "\(path).\(field) \(why)")
  }

  /// A field, or `nil` where it is absent or null.
  package mutating func value(_ field: String) throws(OCIError) -> JSON? {
    var found: Int?
    for index in members.indices where isName(members[index].name, of: field) {
      // Two tools would read two values.
      guard found == nil else { throw error(field, "is given twice, in different case; keep one of them") }
      found = index
    }
    guard let found else { return nil }
    isRead[found] = true
    return members[found].value == .null ? nil : members[found].value
  }

  /// Whether a field is there, be it null.
  package func contains(_ field: String) -> Bool { members.contains { isName($0.name, of: field) } }

  /// A field that must be there.
  package mutating func required<Value>(
    _ field: String, _ read: (inout FieldReader, String) throws(OCIError) -> Value?
  ) throws(OCIError) -> Value {
    guard let value = try read(&self, field) else { throw error(field, "is missing") }
    return value
  }

  package mutating func string(_ field: String) throws(OCIError) -> String? {
    guard let value = try value(field) else { return nil }
    guard let text = value.stringValue else { throw error(field, "must be a string, but it is \(value.kind)") }
    return text
  }

  package mutating func integer(_ field: String) throws(OCIError) -> Int64? {
    guard let value = try value(field) else { return nil }
    guard let number = value.integerValue else {
      throw error(field, "must be a whole number of at most 64 bits, but it is \(value.kind)")
    }
    return number
  }

  package mutating func bool(_ field: String) throws(OCIError) -> Bool? {
    guard let value = try value(field) else { return nil }
    guard let flag = value.boolValue else { throw error(field, "must be true or false, but it is \(value.kind)") }
    return flag
  }

  package mutating func list(_ field: String) throws(OCIError) -> [JSON]? {
    guard let value = try value(field) else { return nil }
    guard let list = value.arrayValue else { throw error(field, "must be a list, but it is \(value.kind)") }
    return list
  }

  package mutating func strings(_ field: String) throws(OCIError) -> [String]? {
    guard let list = try list(field) else { return nil }
    var result: [String] = []
    for (index, element) in list.enumerated() {
      guard let text = element.stringValue else {
        throw error("\(field)[\(index)]", "must be a string, but it is \(element.kind)")
      }
      result.append(text)
    }
    return result
  }

  package mutating func stringMap(_ field: String) throws(OCIError) -> [String: String]? {
    guard let value = try value(field) else { return nil }
    guard let members = value.objectValue?.members else {
      throw error(field, "must be an object of strings, but it is \(value.kind)")
    }
    var result = Dictionary<String, String>(minimumCapacity: members.count)
    for member in members {
      // Go reads null as the empty text.
      guard let text = member.value == .null ? "" : member.value.stringValue else {
        throw error("\(field).\(excerpt(member.name))", "must be a string, but it is \(member.value.kind)")
      }
      // Names that differ in spelling only, as Unicode has it, would lose one here.
      guard result.updateValue(text, forKey: member.name) == nil else {
        throw error("\(field).\(excerpt(member.name))", "is given twice, in different spelling; keep one")
      }
    }
    return result
  }

  package mutating func base64(_ field: String) throws(OCIError) -> [UInt8]? {
    guard let text = try string(field) else { return nil }
    guard let bytes = Base64.decode(text) else { throw error(field, "must be base64 with padding (RFC 4648 §4)") }
    return bytes
  }

  package mutating func digest(_ field: String) throws(OCIError) -> Digest? {
    guard let text = try string(field) else { return nil }
    do { return try Digest(text) } catch { throw self.error(field, "is wrong: \(error.message)") }
  }

  package mutating func mediaType(_ field: String) throws(OCIError) -> MediaType? {
    guard let text = try string(field), !text.isEmpty else { return nil }
    do { return try MediaType(text) } catch { throw self.error(field, "is wrong: \(error.message)") }
  }

  /// The members that nobody has asked for, in their order.
  package var remainder: JSON.Object {
    var rest = JSON.Object()
    for (member, isRead) in zip(members, isRead) where !isRead { rest.append(member.name, member.value) }
    return rest
  }
}
