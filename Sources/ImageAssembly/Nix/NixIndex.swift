internal import OCICore
internal import SystemPackage

/// Images of several platforms as Nix expressions put them together (`platforms`).
public struct NixIndex: Sendable {
  private let attributes: NixAttributes
  private let images: [FilePath]
  private let platforms: [Platform]
  private let annotations: [String: String]

  /// Reads what a derivation asks for.
  /// - Throws: `AssemblyError`: `invalidSettings`, naming the attribute.
  public init(_ attributes: NixAttributes) throws {
    self.attributes = attributes
    (images, platforms, annotations) = try attributes.read { fields in
      let platforms = try (fields.strings("platforms") ?? []).map { try Platform($0) }
      return (try fields.paths("images"), platforms, try fields.stringMap("annotations") ?? [:])
    }
    guard !images.isEmpty, images.count == platforms.count else {
      throw AssemblyError(.invalidSettings, "platforms names no image; give at least one")
    }
  }

  /// Writes the index's description: the output of the derivation.
  /// - Throws: `AssemblyError`, `OCIError`.
  public func write() async throws {
    let read = try images.map { try AssembledImage(descriptionFile: $0) }
    for (image, platform) in zip(read, platforms) where !platform.matches(image.configuration.platform) {
      throw AssemblyError(
        .invalidSettings,
        "the image given for \(platform) is for \(image.configuration.platform); give one that is built for it")
    }
    let index = try AssembledIndex(read, annotations: annotations)
    try await index.writeDescription(to: attributes.output, images: images)
  }
}
