internal import OCICore
internal import SystemPackage

extension LayerRecipe {
  /// Computes what the layer's bytes are called, in one pass that keeps none of them.
  /// - Parameters:
  ///   - encoding: How the tar becomes the bytes that are pushed.
  ///   - parallelism: How many threads and buffers to use.
  ///   - cache: What may be known already; what is found out is stored there.
  ///   - substitute: Gives sources that are not on this machine.
  ///   - onProgress: Told now and then how many bytes of tar have been made; on a thread that may make other layers, too,
  ///     so that it must not wait for any.
  /// - Throws: `TarballError`, or `CancellationError`.
  public func digests(
    encoding: LayerEncoding, parallelism: LayerParallelism = .automatic, cache: (any LayerCache)? = nil,
    substitute: (any TreeSubstitute)? = nil, onProgress: (@Sendable (Int64) -> Void)? = nil
  ) async throws -> LayerDigests {
    try EncodingCanary.verify(encoding)
    let order = LayerPipeline.Order(
      recipe: self, encoding: encoding, parallelism: parallelism, cache: cache, substitute: substitute)
    return try await LayerHash.run(order, onProgress)
  }

  /// What a cache knows of the layer's bytes, without reading anything. Blocks.
  package func knownDigests(encoding: LayerEncoding, cache: any LayerCache) -> LayerDigests? {
    cacheName(encoding, cache).flatMap { cache.digests(for: $0) }
  }

  /// What a cache calls the layer; `nil` where a source could change under its name.
  func cacheName(_ encoding: LayerEncoding, _ cache: any LayerCache) -> String? {
    sources.allSatisfy(cache.admits) ? fingerprint(encoding: encoding) : nil
  }

  /// Computes what the layer's bytes are called and what is in it, file by file, in one pass.
  /// - Parameters:
  ///   - encoding: How the tar becomes the bytes that are pushed.
  ///   - parallelism: How many threads and buffers to use.
  ///   - substitute: Gives sources that are not on this machine.
  ///   - onProgress: Told now and then how many bytes of tar have been made; on a thread that may make other layers, too,
  ///     so that it must not wait for any.
  /// - Throws: `TarballError`, or `CancellationError`.
  public func digestsAndListing(
    encoding: LayerEncoding, parallelism: LayerParallelism = .automatic, substitute: (any TreeSubstitute)? = nil,
    onProgress: (@Sendable (Int64) -> Void)? = nil
  ) async throws -> (digests: LayerDigests, listing: LayerListing) {
    try EncodingCanary.verify(encoding)
    let builder = LayerListingBuilder()
    let order = LayerPipeline.Order(
      recipe: self, encoding: encoding, parallelism: parallelism, substitute: substitute, listing: builder)
    let digests = try await LayerHash.run(order, onProgress)
    if let tar = try verbatimTar { return (digests, try await Archive(file: tar).listing()) }
    return (digests, builder.listing)
  }

  /// Computes the digests of several layers at once, which share the cores and the memory of one: faster than one after
  /// the other, because the hash of one layer is one stream.
  /// - Parameters:
  ///   - recipes: What the layers are made of.
  ///   - encoding: How the tars become the bytes that are pushed.
  ///   - width: How many layers are made at a time.
  ///   - cache: What may be known already; what is found out is stored there.
  ///   - substitute: Gives sources that are not on this machine.
  ///   - onProgress: Told now and then of a layer, by its place in `recipes`, and how many bytes of its tar have been made; must
  ///     not wait for a layer.
  /// - Returns: The digests in the order of the recipes.
  /// - Throws: `TarballError`, or `CancellationError`.
  public static func digests(
    of recipes: [LayerRecipe], encoding: LayerEncoding, width: Int = 4, cache: (any LayerCache)? = nil,
    substitute: (any TreeSubstitute)? = nil, onProgress: (@Sendable (Int, Int64) -> Void)? = nil
  ) async throws -> [LayerDigests] {
    let width = max(1, min(width, recipes.count))
    return try await recipes.enumerated().concurrentMap(width: width) { index, recipe in
      try await recipe.digests(
        encoding: encoding, parallelism: .sharing(width), cache: cache, substitute: substitute
      ) {
        onProgress?(index, $0)
      }
    }
  }
}
