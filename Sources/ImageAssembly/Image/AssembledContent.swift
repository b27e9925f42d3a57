public import OCICore
internal import Synchronization
internal import Tarball

/// What an assembled image consists of, as a store to copy from: layers are produced when they are read, and are compared
/// with the digest that was computed before; those of the base come from where the base is.
public struct AssembledContent: ContentStore {
  private let image: AssembledImage
  /// How many layers are produced at the same time.
  private let parallelism: LayerParallelism
  private let layers: [Digest: AssembledImage.Layer]
  private let baseLayers: [Digest: Descriptor]

  init(_ image: AssembledImage, concurrency: Int) {
    self.image = image
    parallelism = .sharing(max(1, concurrency))
    layers = Dictionary(image.layers.map { ($0.descriptor.digest, $0) }, uniquingKeysWith: { first, _ in first })
    baseLayers = Dictionary(
      (image.base?.descriptors ?? []).map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Whether it is of this image.
  public func exists(_ descriptor: Descriptor) -> Bool {
    document(descriptor.digest) != nil || layers[descriptor.digest] != nil || baseLayers[descriptor.digest] != nil
  }

  private func document(_ digest: Digest) -> [UInt8]? {
    if digest == image.descriptor.digest { return image.manifestBytes }
    return digest == image.manifest.config.digest ? image.configurationBytes : nil
  }

  /// The manifest, the configuration, or a layer.
  /// - Throws: `OCIError.Code.notFound`; while reading `TarballError`, or `AssemblyError.Code.contentChanged`; what the
  ///   base's store throws.
  public func fetch(_ descriptor: Descriptor) async throws -> ByteStream {
    if let bytes = document(descriptor.digest) { return ByteStream(bytes) }
    if let layer = layers[descriptor.digest] { return try await stream(of: layer) }
    if let layer = baseLayers[descriptor.digest], let base = image.base {
      return try await base.store().fetch(layer)
    }
    throw OCIError(.notFound, "\(descriptor.digest) is no part of the image \(image.descriptor.digest)")
  }

  /// A layer of the base is given as its store gives it, from any byte on.
  public func source(of descriptor: Descriptor) -> BlobSource {
    guard layers[descriptor.digest] == nil, let layer = baseLayers[descriptor.digest], let base = image.base else {
      return BlobSource { try await fetch(descriptor) }
    }
    return BlobSource(openingAt: { offset in try await base.store().source(of: layer).open(at: offset) })
  }

  /// Takes nothing.
  /// - Throws: `OCIError.Code.invalidDocument`.
  public func push(_ descriptor: Descriptor, from source: BlobSource) async throws {
    throw OCIError(.invalidDocument, "an assembled image takes no content; assemble another")
  }

  private func stream(of layer: AssembledImage.Layer) async throws -> ByteStream {
    let recipe = layer.content.recipe
    let source =
      layer.content.blobFile.map { BlobFile($0).source }
      ?? recipe.source(encoding: layer.encoding, parallelism: parallelism, substitute: image.substitute)
    let chunks = try await source.open().verified(as: layer.descriptor).makeAsyncIterator()
    return ByteStream { [image] in
      do { return try await chunks.next() } catch let error as OCIError
        where error.code == .digestMismatch || error.code == .sizeMismatch
      {
        // Whatever digest was remembered for this recipe is wrong now.
        try await image.cache?.forget(recipe, layer.encoding)
        throw await image.changed(layer)
      }
    }
  }
}

extension AssembledImage {
  /// The error for a layer that is not what it was, with the first file that differs where that can be found out.
  func changed(_ layer: Layer) async -> AssemblyError {
    var what = "something in it was changed"
    if let before = cache?.listing(of: layer.diffID),
      let now = try? await layer.content.recipe.digestsAndListing(encoding: .none, substitute: substitute).listing,
      let change = now.changes(since: before).first
    {
      what = "\(change)"
    }
    return AssemblyError(
      .contentChanged,
      "the layer of \(layer.content.summary) is not what it was when its digest was computed: \(what); run again when nothing writes to it any more"
    )
  }
}
