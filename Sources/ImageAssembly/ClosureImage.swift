public import LayerGraph
public import OCICore
public import SystemPackage
public import Tarball

/// An image of a Nix closure: every store path at its own place, some of them at the root too.
public struct ClosureImage: Sendable {
  /// The most layers an image has unless told otherwise: under the 125 that Docker starts, with room for a base image.
  public static let defaultMaximumLayers = 100

  /// The store paths.
  public var graph: StoreGraph
  /// Directories whose content is also put at `/`, symbolic links as they are, in the top layer.
  public var copyToRoot: [FilePath]
  /// What the configuration says.
  public var settings: ImageSettings
  /// The most layers, the one for `/` included.
  public var maximumLayers: Int
  /// How layers are compressed.
  public var encoding: LayerEncoding
  /// How store paths are divided into layers.
  public var strategy: any PlanningStrategy
  /// How the metadata of files is written.
  public var metadata: MetadataPolicy
  /// Whether references that lead out of the closure are accepted.
  public var allowsOutsideReferences: Bool
  /// Where digests of immutable layers are remembered; `nil` to compute every one.
  public var cache: LayerDigestCache?

  /// Describes an image; nothing is read yet.
  public init(
    _ graph: StoreGraph, copyToRoot: [FilePath] = [], settings: ImageSettings = .init(),
    maximumLayers: Int = Self.defaultMaximumLayers, encoding: LayerEncoding = .gzip(),
    strategy: any PlanningStrategy = LargestFirst(), metadata: MetadataPolicy = .init(),
    allowsOutsideReferences: Bool = false, cache: LayerDigestCache? = nil
  ) {
    self.graph = graph
    self.copyToRoot = copyToRoot
    self.settings = settings
    self.maximumLayers = maximumLayers
    self.encoding = encoding
    self.strategy = strategy
    self.metadata = metadata
    self.allowsOutsideReferences = allowsOutsideReferences
    self.cache = cache
  }

  /// What each layer is made of, from the bottom up.
  /// - Throws: `AssemblyError`, or `LayerGraphError.Code.invalidBudget`.
  public func layers() throws -> [LayerContent] {
    guard copyToRoot.isEmpty || maximumLayers > 1 else {
      let plan = strategy.plan(try PlanningRequest(graph, maximumLayers: 1))
      let paths = plan.layers.flatMap(\.paths)
      return [
        LayerContent(
          recipe: LayerRecipe(paths.map { .init(FilePath($0)) } + rootSources, metadata: metadata), storePaths: paths)
      ]
    }
    let plan = strategy.plan(
      try PlanningRequest(graph, maximumLayers: copyToRoot.isEmpty ? maximumLayers : maximumLayers - 1))
    var layers = plan.layers.map { layer in
      LayerContent(
        recipe: LayerRecipe(layer.paths.map { .init(FilePath($0)) }, metadata: metadata), storePaths: layer.paths)
    }
    if !copyToRoot.isEmpty {
      layers.append(LayerContent(recipe: LayerRecipe(rootSources, metadata: metadata), storePaths: []))
    }
    return layers
  }

  /// A path given as a link, such as Nix's `result`, stands for what it leads to.
  private var rootSources: [LayerRecipe.Source] {
    copyToRoot.map { .init(FileSystem.resolvingSymlinks($0), at: "/") }
  }

  /// Computes every digest and writes manifest and configuration; afterwards the image can be pushed without being
  /// computed again.
  /// - Parameter onProgress: Told what goes on.
  /// - Throws: `AssemblyError`, `TarballError`, `LayerGraphError`.
  public func assemble(onProgress: @escaping @Sendable (AssemblyProgress) -> Void = { _ in }) async throws
    -> AssembledImage
  {
    try requireCompleteClosure()
    try await requirePresentPaths()
    let layers = try self.layers()
    let digests = try await digests(of: layers, onProgress)
    return AssembledImage(
      contents: zip(layers, digests).map { ($0, $1) }, encoding: encoding, settings: settings,
      platform: await platform(), cache: cache)
  }

  // MARK: Checks

  private func requireCompleteClosure() throws(AssemblyError) {
    guard let first = graph.outsideReferences.first, !allowsOutsideReferences else { return }
    let others = graph.outsideReferences.count - 1
    throw AssemblyError(
      .incompleteClosure,
      "the closure lacks '\(first.to)', to which '\(first.from)' refers\(others > 0 ? " (and \(others) more)" : ""); give the whole closure, or allow outside references if the image's base has it"
    )
  }

  private func requirePresentPaths() async throws {
    let paths = graph.nodes.map { FilePath($0.path) } + copyToRoot
    let missing = try await IOExecutor.run { paths.filter { !FileSystem.existsWithoutFollowing($0) } }
    guard let first = missing.first else { return }
    throw AssemblyError(
      .storePathMissing,
      "'\(first)' is not on this machine\(missing.count > 1 ? " (nor are \(missing.count - 1) more)" : ""); build or fetch it first"
    )
  }

  private func platform() async -> Platform {
    if let platform = settings.platform { return platform }
    let entrypoint = (settings.runtime.entrypoint ?? settings.runtime.command)?.first
    let (roots, trees) = (copyToRoot, graph.nodes.map { FilePath($0.path) })
    let detected = try? await IOExecutor.run {
      BinaryPlatform.detect(entrypoint: entrypoint, roots: roots, trees: trees)
    }
    // Not the machine's own: the image must be the same wherever it is assembled.
    return (detected ?? nil) ?? Platform(architecture: "amd64")
  }

  // MARK: Digests

  /// One layer after another where few cores are, several at once where one layer cannot use them all: hashing a layer
  /// is one stream.
  private func digests(
    of layers: [LayerContent], _ onProgress: @escaping @Sendable (AssemblyProgress) -> Void
  ) async throws -> [LayerDigests] {
    let cores = WorkerThread.processorCount
    let width = min(4, max(1, cores / 2))
    let parallelism = LayerParallelism(fillers: max(2, cores / width), slots: 16)
    return try await layers.enumerated().concurrentMap(width: width) { index, layer in
      let bytes = layer.storePaths.count
      onProgress(.digesting(layer: index + 1, of: layers.count, paths: bytes))
      if let known = cache?.digests(of: layer.recipe, encoding) { return known }
      let digests = try await layer.recipe.digests(encoding: encoding, parallelism: parallelism)
      cache?.store(digests, of: layer.recipe, encoding)
      return digests
    }
  }
}

/// What one layer of an image is made of.
public struct LayerContent: Sendable, Hashable {
  /// What gives its bytes.
  public var recipe: LayerRecipe
  /// The store paths that it holds, sorted; none for the layer of what is put at `/`.
  public var storePaths: [String]
}

/// What goes on while an image is assembled and pushed.
public enum AssemblyProgress: Sendable, Hashable {
  /// A layer's digest is computed, or taken from the cache.
  case digesting(layer: Int, of: Int, paths: Int)
  /// A destination has the blob already.
  case skipped(Descriptor)
  /// A blob is sent.
  case pushing(Descriptor)
  /// A blob has arrived.
  case pushed(Descriptor)
  /// A tag names the image now, or did so before.
  case tagged(String, changed: Bool)
}
