internal import OCICore
internal import SystemPackage

/// Images of several platforms as Nix expressions put them together (`platforms`).
public struct NixIndex: Sendable {
  private let attributes: NixAttributes
  private let images: [FilePath]
  private let annotations: [String: String]

  /// Reads what a derivation asks for.
  /// - Throws: `AssemblyError`: `invalidSettings`, naming the attribute.
  public init(_ attributes: NixAttributes) throws {
    self.attributes = attributes
    (images, annotations) = try attributes.read { fields in
      (try fields.paths("images"), try fields.stringMap("annotations") ?? [:])
    }
  }

  /// Writes the index's description: the output of the derivation.
  /// - Throws: `AssemblyError`, `OCIError`.
  public func write() async throws {
    let read = try images.map { try AssembledImage(descriptionFile: $0) }
    let index = try AssembledIndex(read, annotations: annotations)
    try await index.writeDescription(to: attributes.output, images: images)
  }
}
