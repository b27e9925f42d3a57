/// A document with its exact bytes, so its digest.
///
/// A document that was read is kept to the byte. One that is edited changes where the edit is and nowhere else: the order
/// of its members, members that no type knows, numbers and nulls stay; only spaces between them go.
public struct Document<Value: ImageDocument>: Sendable, Hashable {
  /// The text, to the byte.
  public let bytes: [UInt8]
  /// What the text says.
  public let value: Value
  private let source: JSON

  /// Reads a document.
  /// - Parameters:
  ///   - bytes: The text, JSON in UTF-8.
  ///   - limit: How many bytes it may have.
  /// - Throws: `OCIError`: `limitExceeded`, `invalidJSON`, or `invalidDocument` naming the field.
  public init(parsing bytes: [UInt8], limit: Int = Value.sizeLimit) throws(OCIError) {
    source = try Value.json(parsing: bytes, limit: limit)
    value = try Value(source)
    self.bytes = bytes
  }

  /// Writes a new document, in canonical form.
  /// - Throws: `OCIError.Code.invalidDocument` when it breaks a rule of the image-spec, `limitExceeded` when it is too
  ///   long for other tools to read.
  public init(_ value: Value) throws(OCIError) {
    try self.init(value, source: value.json, accepting: [])
  }

  private init(_ value: Value, source: JSON, accepting known: Set<Finding>) throws(OCIError) {
    if let fault = value.validate().first(where: { $0.severity == .error && !known.contains($0) }) {
      throw OCIError(.invalidDocument, "the document may not be written: \(fault)")
    }
    self.value = value
    self.source = source
    bytes = source.canonicalBytes
    guard bytes.count <= Value.sizeLimit else {
      throw OCIError(.limitExceeded, "the document would have \(bytes.count) bytes; readers accept \(Value.sizeLimit)")
    }
  }

  /// The digest of the bytes.
  public var digest: Digest { .of(bytes) }

  /// Describes the document.
  public var descriptor: Descriptor { Descriptor(mediaType: value.mediaType, describing: bytes) }

  /// The document after a change. Where nothing is changed its bytes are the same.
  ///
  /// Faults that it had may stay; new ones are refused.
  /// - Throws: What the change throws; `OCIError` as `init(_:)`.
  public func edited(_ change: (inout Value) throws -> Void) throws -> Document {
    var edited = value
    try change(&edited)
    let (before, after) = (value.json, edited.json)
    guard before != after else { return self }
    return try Document(
      edited, source: source.applying(changesFrom: before, to: after), accepting: Set(value.validate()))
  }

  /// Whether both have the same bytes.
  public static func == (left: Document, right: Document) -> Bool { left.bytes == right.bytes }

  /// Hashes the bytes.
  public func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

extension Document {
  /// Reads a document from a store, verified.
  /// - Throws: The store's errors; `OCIError`: `limitExceeded`, `invalidJSON`, or `invalidDocument`, also where the document
  ///   says that it is of another type than its descriptor.
  public init(fetching descriptor: Descriptor, from store: some ContentStore) async throws {
    guard descriptor.size <= Value.sizeLimit else {
      throw OCIError(
        .limitExceeded,
        "\(descriptor.digest) has \(descriptor.size) bytes, more than the \(Value.sizeLimit) that a document may have")
    }
    let bytes = try await store.fetch(descriptor).collect(upTo: Value.sizeLimit)
    do { try self.init(parsing: bytes) } catch {
      throw OCIError(error.code, "\(descriptor.digest): \(error.message)")
    }
    guard value.mediaType == descriptor.mediaType || !descriptor.mediaType.isManifest else {
      throw OCIError(
        .invalidDocument,
        "\(descriptor.digest) says that it is of type \(value.mediaType), but its descriptor says \(descriptor.mediaType)"
      )
    }
  }
}
