/// A JSON value that loses nothing: members keep their order, numbers keep their text.
public enum JSON: Sendable, Hashable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number, as it was written.
  case number(String)
  /// A string.
  case string(String)
  /// A list.
  case array([JSON])
  /// An object.
  case object(Object)

  /// The members of an object, in the order in which they were written.
  public struct Object: Sendable, Hashable {
    /// Names and values.
    public private(set) var members: [(name: String, value: JSON)] = []

    /// Creates an empty object.
    public init() {}

    /// The value of a member; setting `nil` removes it, a new name is added at the end. Names are compared by their
    /// bytes: two spellings of one letter are two names.
    public subscript(name: String) -> JSON? {
      get { members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value }
      set {
        let index = members.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
        switch (index, newValue) {
        case (let index?, let value?): members[index].value = value
        case (let index?, nil): members.remove(at: index)
        case (nil, let value?): members.append((name, value))
        case (nil, nil): break
        }
      }
    }

    /// Adds a member whose name is known to be new, without looking for it.
    mutating func append(_ name: String, _ value: JSON) { members.append((name, value)) }

    /// The names as bytes, to look for many of them.
    var names: Set<[UInt8]> { Set(members.map { Array($0.name.utf8) }) }

    /// Whether both have the same members in the same order.
    public static func == (left: Object, right: Object) -> Bool {
      left.members.elementsEqual(right.members) { $0.name.utf8.elementsEqual($1.name.utf8) && $0.value == $1.value }
    }

    /// Hashes the members in their order.
    public func hash(into hasher: inout Hasher) {
      for member in members {
        hasher.combine(member.name)
        hasher.combine(member.value)
      }
    }
  }

  /// A whole number.
  public static func integer(_ value: some BinaryInteger) -> JSON { .number(String(value)) }

  /// An object of strings, its names sorted by their bytes.
  public static func strings(_ values: [String: String]) -> JSON {
    var object = Object()
    for (name, value) in values.sorted(by: { byteOrder($0.key, $1.key) }) { object.append(name, .string(value)) }
    return .object(object)
  }

  /// A list of strings.
  public static func strings(_ values: [String]) -> JSON { .array(values.map(JSON.string)) }

  /// The string, if this is one.
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  /// The list, if this is one.
  public var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }
  /// The object, if this is one.
  public var objectValue: Object? { if case .object(let value) = self { value } else { nil } }
  /// The boolean, if this is one.
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The number, if this is one without fraction or exponent that fits.
  public var integerValue: Int64? { if case .number(let text) = self { Int64(text) } else { nil } }

  /// What kind of value this is, for messages.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "an object"
    }
  }
}

/// Whether one text comes before another by its UTF-8 bytes, which no locale changes.
package func byteOrder(_ left: String, _ right: String) -> Bool {
  left.utf8.lexicographicallyPrecedes(right.utf8)
}
