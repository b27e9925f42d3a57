public import OCICore
internal import Tarball

/// What an assembled image consists of, as a store to copy from: layers are produced when they are read, and are compared
/// with the digest that was computed before.
public struct AssembledContent: ContentStore {
  private let image: AssembledImage
  /// How many layers are produced at the same time.
  private let parallelism: LayerParallelism
  private let layers: [Digest: AssembledImage.Layer]

  init(_ image: AssembledImage, concurrency: Int) {
    self.image = image
    parallelism = .sharing(max(1, concurrency))
    layers = Dictionary(image.layers.map { ($0.descriptor.digest, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Whether it is of this image.
  public func exists(_ descriptor: Descriptor) -> Bool {
    descriptor.digest == image.descriptor.digest || descriptor.digest == image.manifest.config.digest
      || layers[descriptor.digest] != nil
  }

  /// The manifest, the configuration, or a layer.
  /// - Throws: `OCIError.Code.notFound`; while reading `TarballError`, or `AssemblyError.Code.contentChanged`.
  public func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
    if descriptor.digest == image.descriptor.digest { return ByteStream(image.manifestBytes) }
    if descriptor.digest == image.manifest.config.digest { return ByteStream(image.configurationBytes) }
    guard let layer = layers[descriptor.digest] else {
      throw OCIError(.notFound, "\(descriptor.digest) is no part of the image \(image.descriptor.digest)")
    }
    return try await stream(of: layer)
  }

  /// Takes nothing.
  /// - Throws: `OCIError.Code.invalidDocument`.
  public func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
    throw OCIError(.invalidDocument, "an assembled image takes no content; assemble another")
  }

  private func stream(of layer: AssembledImage.Layer) async throws -> ByteStream {
    let source = layer.content.recipe.source(encoding: image.encoding, parallelism: parallelism)
    let chunks = try await source.open().verified(as: layer.descriptor).makeAsyncIterator()
    return ByteStream { [image] in
      do { return try await chunks.next() } catch let error as OCIError
        where error.code == .digestMismatch || error.code == .sizeMismatch
      {
        // Whatever digest was remembered for this recipe is wrong now.
        try await image.cache?.forget(layer.content.recipe, image.encoding)
        throw AssemblyError(
          .contentChanged,
          "the layer of \(layer.content.summary) is not what it was when its digest was computed: something in it was changed; run again when nothing writes to it any more"
        )
      }
    }
  }
}
