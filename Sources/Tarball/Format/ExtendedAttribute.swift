/// One extended attribute, its name and value as bytes.
public struct ExtendedAttribute: Sendable, Hashable {
  /// The name with its namespace, such as `security.capability`.
  public var name: [UInt8]
  /// The value; never empty in a layer.
  public var value: [UInt8]

  /// Creates an attribute.
  public init(name: [UInt8], value: [UInt8]) {
    self.name = name
    self.value = value
  }
}
