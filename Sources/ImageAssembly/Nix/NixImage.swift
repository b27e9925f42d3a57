internal import OCICore
internal import SystemPackage

/// An image as Nix expressions describe it (`buildImage`): layers that were made before, on a base or on nothing, and what its
/// configuration says. Reads no content, so that a changed configuration costs nothing.
public struct NixImage: Sendable {
  private let attributes: NixAttributes
  private var request: NixImageRequest

  /// Reads what a derivation asks for.
  /// - Parameters:
  ///   - attributes: The derivation's.
  ///   - now: Seconds since 1970, for who asks for an image that is another each time.
  /// - Throws: `AssemblyError`: `invalidSettings`, naming the attribute.
  public init(_ attributes: NixAttributes, now: Int64? = nil) throws {
    self.attributes = attributes
    request = try attributes.read { fields in try NixImageRequest(&fields) }
    if request.settings.created == "now", let now { request.settings.created = Timestamp.text(now) }
  }

  /// Writes the image's description: the output of the derivation.
  /// - Throws: `AssemblyError`, `OCIError`.
  public func write(onProgress: @escaping @Sendable (AssemblyProgress) -> Void = { _ in }) async throws {
    guard !request.isCompatible else {
      try request.settings.validate()
      let text = try await NixCompatibleImage(request: request).document().prettyText
      return try await IOExecutor.run { try FileSystem.replace(attributes.output, with: Array((text + "\n").utf8)) }
    }
    try await image(onProgress).writeDescription(to: attributes.output)
  }

  private func image(_ onProgress: @escaping @Sendable (AssemblyProgress) -> Void) async throws -> AssembledImage {
    var base: BaseImage?
    if let path = request.base {
      base = try await NixBase.image(path, reference: request.baseReference, platform: request.settings.platform)
    }
    var seen = Set(base?.layers.descriptors.map(\.digest) ?? [])
    var contents: [LayerContent] = []
    for directory in request.groups {
      for layer in try LayersDocument(directory: directory).layers
      where seen.insert(layer.descriptor.digest).inserted {
        var content = layer.content
        content.digests = layer.digests
        content.encoding = layer.encoding
        contents.append(content)
      }
    }
    var settings = request.settings
    if request.isCreatedLikeBase { settings.created = base?.configuration.created }
    var recipe = ImageRecipe(layers: contents, base: base, settings: settings)
    recipe.merge = request.merge
    return try await recipe.assemble(onProgress: onProgress)
  }
}
