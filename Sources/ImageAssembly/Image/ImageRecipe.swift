public import OCICore
internal import SystemPackage
public import Tarball

/// What an image is made of: layers of any source, on a base or on nothing, and what its configuration says. Every kind of
/// source ends here.
public struct ImageRecipe: Sendable {
  /// The layers of its own, from the bottom up. One that is what lies directly below it is left out.
  public var layers: [LayerContent]
  /// The image below them.
  public var base: BaseImage?
  /// What the configuration says.
  public var settings: ImageSettings
  /// How the base's configuration and this one become one.
  public var merge = ConfigurationMerge.dockerfile
  /// How layers are compressed, where they do not say.
  public var encoding: LayerEncoding
  /// Where what is known of layers is kept; `nil` to compute everything.
  public var cache: LayerDigestCache?
  /// Whether everything is computed again and compared with what the cache knows.
  public var verifiesCache = false
  /// Gives sources that are not on this machine, such as a binary cache.
  public var substitute: (any TreeSubstitute)?

  /// Describes an image; nothing is read yet.
  public init(
    layers: [LayerContent], base: BaseImage? = nil, settings: ImageSettings = .init(),
    encoding: LayerEncoding = .standard, cache: LayerDigestCache? = nil
  ) {
    self.layers = layers
    self.base = base
    self.settings = settings
    self.encoding = encoding
    self.cache = cache
  }

  /// Computes every digest and writes manifest and configuration; afterwards the image can be pushed without being
  /// computed again.
  /// - Parameter onProgress: Told what goes on.
  /// - Throws: `AssemblyError`, `TarballError`; `OCIError.Code.platformMismatch` where the base is for another platform.
  public func assemble(onProgress: @escaping @Sendable (AssemblyProgress) -> Void = { _ in }) async throws
    -> AssembledImage
  {
    try settings.validate()
    for warning in settings.warnings { onProgress(.warning(warning)) }
    // Both look at the sources, one at their names.
    async let platform = platform()
    let made = try await assembleLayers(onProgress: onProgress)
    var image = try AssembledImage(
      made, base: base, settings: settings, merge: merge, platform: try await platform, cache: cache)
    image.substitute = substitute
    return image
  }

  /// The layers of its own with their digests.
  func assembleLayers(onProgress: @escaping @Sendable (AssemblyProgress) -> Void) async throws -> [AssembledImage.Layer]
  {
    let facts = try await facts(onProgress)
    var made: [AssembledImage.Layer] = []
    for layer in zip(layers, facts).map({ AssembledImage.Layer($0, $1, encoding: encoding) })
    where layer.descriptor.digest != made.last?.descriptor.digest { made.append(layer) }
    return made
  }

  /// The cache, which believes what the substitute has signed.
  private var trustingCache: LayerDigestCache? { cache?.trusting(substitute) }

  /// What the layers' bytes are called: of those that the cache does not know four at once, because hashing a layer is one stream,
  /// and several are hashed faster together.
  private func facts(_ onProgress: @escaping @Sendable (AssemblyProgress) -> Void) async throws -> [LayerDigests] {
    var facts = try await IOExecutor.run { [layers, encoding, cache = trustingCache, verifiesCache] in
      layers.map { layer -> LayerDigests? in
        if let digests = layer.digests { return digests }
        guard layer.blobFile == nil, !verifiesCache, let cache else { return nil }
        return layer.recipe.knownDigests(encoding: layer.encoding ?? encoding, cache: cache)
      }
    }
    let unknown = facts.indices.filter { facts[$0] == nil }
    @Sendable func tell(_ index: Int, _ digests: LayerDigests, wasKnown: Bool) {
      onProgress(
        .digested(layer: index + 1, of: layers.count, bytes: digests.uncompressedSize, wasKnown: wasKnown))
    }
    for (index, digests) in zip(facts.indices, facts) {
      guard let digests else { continue }
      onProgress(.digesting(layer: index + 1, of: layers.count, paths: layers[index].storePaths.count))
      tell(index, digests, wasKnown: true)
    }
    let width = min(4, max(1, unknown.count))
    let made = try await unknown.concurrentMap(width: width) { index in
      onProgress(.digesting(layer: index + 1, of: layers.count, paths: layers[index].storePaths.count))
      let digests = try await digests(of: layers[index], .sharing(width)) { bytes in
        onProgress(.hashed(layer: index + 1, of: layers.count, bytes: bytes))
      }
      tell(index, digests, wasKnown: false)
      return digests
    }
    for (index, digests) in zip(unknown, made) { facts[index] = digests }
    return facts.compactMap(\.self)
  }

  private func digests(
    of layer: LayerContent, _ parallelism: LayerParallelism, _ onProgress: @escaping @Sendable (Int64) -> Void
  ) async throws -> LayerDigests {
    if let path = layer.blobFile { return try await BlobFile(path).digests() }
    let encoding = layer.encoding ?? self.encoding
    let cache = trustingCache
    let known = verifiesCache ? cache?.digests(for: layer.recipe.fingerprint(encoding: encoding)) : nil
    let digests = try await layer.recipe.digests(
      encoding: encoding, parallelism: parallelism, cache: verifiesCache ? cache?.writeOnly : cache,
      substitute: substitute, onProgress: onProgress)
    if let cache, encoding != .none, cache.diffID(ofBlob: digests.digest) == nil {
      cache.store(diffID: digests.diffID, ofBlob: digests.digest)
    }
    if let known, known != digests { throw try await difference(layer, from: known, to: digests) }
    return digests
  }

  private func difference(
    _ layer: LayerContent, from known: LayerDigests, to digests: LayerDigests
  ) async throws -> AssemblyError {
    let before = cache?.listing(of: known.diffID)
    let after = cache?.listing(of: digests.diffID)
    let change = before.flatMap { before in after?.changes(since: before).first }
    let what = change.map { ": \($0)" } ?? ""
    return AssemblyError(
      .contentChanged,
      "the layer of \(layer.summary) was \(known.diffID) when it was remembered, and is \(digests.diffID) now\(what); what the cache remembered is replaced"
    )
  }

  private func platform() async throws -> Platform {
    if let platform = settings.platform { return platform }
    if let base { return base.configuration.platform }
    let entrypoint = (settings.runtime.entrypoint ?? settings.runtime.command)?.first
    let trees = layers.flatMap(\.recipe.sources).filter { $0.form == .tree }
    let roots = trees.filter { $0.destination == "/" }.map { $0.host.appending($0.subtree.components) }
    let others = trees.filter { $0.destination != "/" }
    let cache = verifiesCache ? nil : trustingCache
    let files = SourceFiles(substitute)
    return try await IOExecutor.run {
      let question = "\(entrypoint ?? "")\n" + trees.map(\.fingerprint).sorted(by: byteOrder).joined(separator: "\n")
      let isFixed = cache.map { cache in trees.allSatisfy { cache.admits($0) } } ?? false
      if isFixed, let known = cache?.platform(for: question) { return known }
      let detected = try await BinaryPlatform.detect(
        entrypoint: entrypoint, roots: roots,
        trees: others.map { (host: $0.host.appending($0.subtree.components), destination: $0.destination) }, in: files)
      // Not the machine's own: the image must be the same wherever it is assembled.
      let platform = detected ?? Platform(architecture: "amd64")
      if isFixed { cache?.store(platform, for: question) }
      return platform
    }
  }
}
