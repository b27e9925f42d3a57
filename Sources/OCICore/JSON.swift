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
  public struct Object: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// Names and values.
    public private(set) var members: [(name: String, value: JSON)] = []

    /// Creates an empty object.
    public init() {}

    /// Creates an object of members in the order given; of two with one name the last counts.
    public init(dictionaryLiteral elements: (String, JSON)...) {
      for (name, value) in elements { self[name] = value }
    }

    /// The value of a member; setting `nil` removes it, a new name is added at the end. Names are compared by their
    /// bytes: two spellings of one letter are two names.
    public subscript(name: String) -> JSON? {
      get { members.first { isIdentical($0.name, name) }?.value }
      set {
        let index = members.firstIndex { isIdentical($0.name, name) }
        switch (index, newValue) {
        case (let index?, let value?): members[index].value = value
        case (let index?, nil): members.remove(at: index)
        case (nil, let value?): members.append((name, value))
        case (nil, nil): break
        }
      }
    }

    /// Adds a member whose name is known to be new, without looking for it.
    mutating func append(_ name: String, _ value: JSON) {
      // Most objects have a handful: one allocation for all.
      if members.isEmpty { members.reserveCapacity(4) }
      members.append((name, value))
    }

    /// Adds a member whose name is known to be new, unless it is an empty list or object, which encoders of the
    /// image-spec leave out.
    mutating func append(_ name: String, unlessEmpty value: JSON) {
      switch value {
      case .array([]): return
      case .object(let object) where object.members.isEmpty: return
      default: append(name, value)
      }
    }

    /// Adds the members of another object that are not here yet.
    mutating func merge(_ other: Object) {
      guard !other.members.isEmpty else { return }
      let known = names
      for member in other.members where !known.contains(Array(member.name.utf8)) { members.append(member) }
    }

    /// The names as bytes, to look for many of them.
    var names: Set<[UInt8]> { Set(members.map { Array($0.name.utf8) }) }

    /// Whether both have the same members in the same order.
    public static func == (left: Object, right: Object) -> Bool {
      left.members.elementsEqual(right.members) { isIdentical($0.name, $1.name) && $0.value == $1.value }
    }

    /// Hashes the members in their order.
    public func hash(into hasher: inout Hasher) {
      for member in members {
        hasher.combine(member.name)
        hasher.combine(member.value)
      }
    }
  }

  /// Whether both have the same bytes: texts that differ only in how Unicode spells a letter are not equal, nor are
  /// numbers that differ in their digits.
  public static func == (left: JSON, right: JSON) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.number(let left), .number(let right)), (.string(let left), .string(let right)): isIdentical(left, right)
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)): left == right
    default: false
    }
  }

  /// A whole number.
  public static func integer(_ value: some BinaryInteger) -> JSON { .number(String(value)) }

  /// An object of strings, its names sorted by their bytes.
  public static func strings(_ values: [String: String]) -> JSON {
    var object = Object()
    guard values.count > 1 else {
      for (name, value) in values { object.append(name, .string(value)) }
      return .object(object)
    }
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

extension JSON: ExpressibleByStringLiteral {
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
}
