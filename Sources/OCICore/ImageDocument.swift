/// A JSON document of the image-spec: `ImageManifest`, `ImageIndex`, `ImageConfiguration`.
public protocol ImageDocument: Sendable, Hashable {
  /// Reads the document.
  /// - Throws: `OCIError.Code.invalidDocument`, naming the field.
  init(_ json: JSON) throws(OCIError)

  /// The document as JSON, in the spec's member order, members without a name of their own at the end.
  var json: JSON { get }

  /// The type that descriptors of the document give.
  var mediaType: MediaType { get }

  /// How many bytes a text of it may have, unless the reader allows more.
  static var sizeLimit: Int { get }

  /// What the document has wrong, or does unusually, by the rules of the image-spec. Nothing is read but the document.
  func validate() -> [Finding]
}

extension ImageDocument {
  /// Parses the text of a document.
  /// - Parameters:
  ///   - bytes: The text, JSON in UTF-8.
  ///   - limit: How many bytes it may have.
  /// - Throws: `OCIError`: `limitExceeded`, `invalidJSON`, or `invalidDocument` naming the field.
  public init(parsing bytes: [UInt8], limit: Int = Self.sizeLimit) throws(OCIError) {
    try self.init(Self.json(parsing: bytes, limit: limit))
  }

  /// The canonical text: members in the spec's order, no spaces, nothing escaped that need not be. Equal values have equal
  /// bytes on every machine.
  public var canonicalBytes: [UInt8] { json.canonicalBytes }

  static func json(parsing bytes: [UInt8], limit: Int) throws(OCIError) -> JSON {
    guard bytes.count <= limit else {
      throw OCIError(.limitExceeded, "the document has \(bytes.count) bytes, more than the \(limit) that are allowed")
    }
    return try JSON(parsing: bytes)
  }
}

extension FieldReader {
  mutating func requireSchemaVersion2() throws(OCIError) {
    let version = try integer("schemaVersion")
    guard version == 2 else {
      throw error(
        "schemaVersion",
        version == 1 ? "is 1, Docker's obsolete format: pull and push the image with a current tool" : "must be 2")
    }
  }

  mutating func optionalDescriptor(_ field: String, in document: String) throws(OCIError) -> Descriptor? {
    guard let json = try value(field) else { return nil }
    return try Descriptor(json, path: FieldPath(document, field))
  }

  mutating func descriptor(_ field: String, in document: String) throws(OCIError) -> Descriptor {
    guard let descriptor = try optionalDescriptor(field, in: document) else { throw error(field, "is missing") }
    return descriptor
  }

  mutating func descriptors(_ field: String, in document: String) throws(OCIError) -> [Descriptor] {
    var result: [Descriptor] = []
    for (index, json) in (try list(field) ?? []).enumerated() {
      result.append(try Descriptor(json, path: FieldPath(document, field, index)))
    }
    return result
  }
}
