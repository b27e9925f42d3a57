public import ImageAssembly
internal import LayerGraph
public import OCICore
internal import SystemPackage
internal import Tarball

/// An image that was made of a project's description.
public enum ProjectResult: Sendable {
  /// One platform.
  case image(AssembledImage)
  /// Several.
  case index(AssembledIndex)

  /// What is pushed.
  public var descriptor: Descriptor {
    switch self {
    case .image(let image): image.descriptor
    case .index(let index): index.descriptor
    }
  }
}

extension ProjectImage {
  /// Reads a base image's documents, by its name and for a platform.
  public typealias BaseReader = @Sendable (_ name: String, _ platform: Platform?) async throws -> BaseImage

  /// Computes every digest of every platform.
  /// - Parameters:
  ///   - stamp: The values of `${NAME}`.
  ///   - cache: What may be known of layers already.
  ///   - caches: Give store paths that are not on this machine.
  ///   - modificationTime: The time of every file, in seconds since 1970.
  ///   - created: When the image was made, where the project does not say, RFC 3339.
  ///   - base: Reads a base image.
  ///   - onProgress: Told what goes on, from several tasks at once.
  /// - Throws: `AssemblyError`, `TarballError`, what `base` throws.
  public func assemble(
    stamp: Stamp, cache: LayerDigestCache? = nil, caches: BinaryCaches? = nil, modificationTime: Int64 = 1,
    created: String? = nil, base: BaseReader,
    onProgress: @escaping @Sendable (AssemblyProgress) -> Void = { _ in }
  ) async throws -> ProjectResult {
    var images: [AssembledImage] = []
    for variant in variants {
      var settings = settings
      settings.platform = variant.platform ?? settings.platform
      settings.created = settings.created ?? created
      settings.runtime.labels = try stamp.texts(settings.runtime.labels)
      settings.annotations = try stamp.texts(settings.annotations)
      var below: BaseImage?
      if let name = self.base { below = try await base(try stamp.text(name), settings.platform) }
      var recipe = try await recipe(variant, settings, below, cache, caches, modificationTime)
      recipe.substitute = caches
      images.append(try await recipe.assemble(onProgress: onProgress))
    }
    if images.count == 1 { return .image(images[0]) }
    return .index(try AssembledIndex(images, annotations: try stamp.texts(indexAnnotations)))
  }

  private func recipe(
    _ variant: Variant, _ settings: ImageSettings, _ base: BaseImage?, _ cache: LayerDigestCache?,
    _ caches: BinaryCaches?, _ time: Int64
  ) async throws -> ImageRecipe {
    var others = archives.map { LayerContent($0) }
    for index in others.indices { others[index].recipe.metadata.modificationTime = time }
    switch variant.source {
    case .files(var files):
      files.metadata.modificationTime = time
      others.append(LayerContent(try files.recipe()))
      return ImageRecipe(layers: others, base: base, settings: settings, encoding: encoding, cache: cache)
    case .baseAlone:
      return ImageRecipe(layers: others, base: base, settings: settings, encoding: encoding, cache: cache)
    case .closure(let file):
      return try await closure(try .init(nixJSONFile: file), variant, settings, base, cache, caches, time, others)
    case .nix(let paths):
      let roots = paths + variant.copyToRoot.filter { NixStore.holds($0) }
      let graph = try await NixStore().closure(of: roots, orElse: caches)
      return try await closure(graph, variant, settings, base, cache, caches, time, others)
    }
  }

  private func closure(
    _ graph: StoreGraph, _ variant: Variant, _ settings: ImageSettings, _ base: BaseImage?, _ cache: LayerDigestCache?,
    _ caches: BinaryCaches?, _ time: Int64, _ others: [LayerContent]
  ) async throws -> ImageRecipe {
    var image = ClosureImage(
      graph, copyToRoot: variant.copyToRoot, settings: settings, maximumLayers: maximumLayers, encoding: encoding,
      planning: planning, metadata: MetadataPolicy(modificationTime: time), cache: cache)
    image.base = base
    image.otherLayers = others
    image.substitute = caches
    return try await image.recipe()
  }
}
