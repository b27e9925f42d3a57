internal import OCICore
public import Tarball

extension AssembledImage {
  /// The same image with its own layers compressed another way: configuration and diffIDs stay, the layers' digests and the
  /// manifest change. Layers that are kept as they are, and those of the base, stay too.
  /// - Throws: `TarballError`; `AssemblyError.Code.contentChanged` where a layer is not what it was.
  public func encoded(
    as encoding: LayerEncoding, onProgress: @escaping @Sendable (AssemblyProgress) -> Void = { _ in }
  ) async throws -> AssembledImage {
    let width = min(4, max(1, layers.count))
    let encoded = try await layers.enumerated().concurrentMap(width: width) { [self] index, layer in
      if layer.content.blobType != nil || layer.encoding == encoding { return layer }
      onProgress(.digesting(layer: index + 1, of: layers.count, paths: layer.content.storePaths.count))
      let digests = try await layer.content.recipe.digests(
        encoding: encoding, parallelism: .sharing(width), cache: cache?.trusting(substitute), substitute: substitute
      ) { onProgress(.hashed(layer: index + 1, of: layers.count, bytes: $0)) }
      guard digests.diffID == layer.diffID else {
        try await cache?.forget(layer.content.recipe, encoding)
        throw await changed(layer)
      }
      var result = layer
      result.encoding = encoding
      result.content.encoding = encoding
      result.uncompressedSize = digests.uncompressedSize
      result.descriptor.mediaType = encoding.mediaType
      result.descriptor.digest = digests.digest
      result.descriptor.size = digests.size
      return result
    }
    var manifest = manifest
    manifest.layers = (base?.descriptors ?? []) + encoded.map(\.descriptor)
    var result = AssembledImage(
      layers: encoded, base: base, configuration: configuration, configurationBytes: configurationBytes,
      manifest: manifest, manifestBytes: manifest.canonicalBytes, cache: cache)
    result.substitute = substitute
    return result
  }
}
