internal import LayerGraph
internal import OCICore
public import SystemPackage
internal import Tarball

/// A group of layers as Nix expressions describe it (`buildLayer`): the closures of some store paths, without what the layers
/// below hold already, and some paths at the root.
///
/// What is at the root is at its own place too only if something refers to it there.
public struct NixLayers: Sendable {
  /// The most layers that a group has unless told otherwise.
  public static let defaultMaximumLayers = 32
  /// What the result holds, beside blobs where these are kept.
  public static let fileName: FilePath = "layers.json"

  let attributes: NixAttributes
  let request: NixLayerRequest

  /// Reads what a derivation asks for.
  /// - Throws: `AssemblyError`: `invalidSettings`, naming the attribute.
  public init(_ attributes: NixAttributes) throws {
    self.attributes = attributes
    request = try attributes.read { fields in try NixLayerRequest(&fields) }
  }

  /// Computes the layers and writes them, as a description, into a directory that is made: the output of the derivation.
  /// - Throws: `AssemblyError`, `TarballError`, `LayerGraphError`, `OCIError.Code.ioFailure`.
  public func write(onProgress: @escaping @Sendable (AssemblyProgress) -> Void = { _ in }) async throws {
    let directory = attributes.output
    try await IOExecutor.run { _ = try FileSystem.createDirectories(directory) }
    let document = request.isCompatible ? try await compatibleDocument(onProgress) : try await document(onProgress)
    try await IOExecutor.run {
      try FileSystem.replace(
        directory.appending(Self.fileName.components), with: Array((document.prettyText + "\n").utf8))
    }
  }

  private func document(_ onProgress: @escaping @Sendable (AssemblyProgress) -> Void) async throws -> JSON {
    let lower = try await NixLowerLayers(request)
    let versions = try await versions()
    let paths = attributes.graph?.nodes.map(\.path) ?? []
    try await HiddenPaths(paths).refuse(below: request.roots.map { FilePath($0) }, SourceFiles(nil))
    let recipe = ImageRecipe(
      layers: try contents(over: lower, versions), encoding: request.encoding,
      cache: request.cache.map { LayerDigestCache(directory: $0) })
    var layers = try await recipe.assembleLayers(onProgress: onProgress)
    if request.keepsBlobs {
      for index in layers.indices { try await keep(&layers[index]) }
    }
    return try LayersDocument(layers: layers).json(in: attributes.output)
  }

  // MARK: Planning

  private func contents(over lower: NixLowerLayers, _ versions: [ImageVersion]) throws -> [LayerContent] {
    let previous = try previousDocument()
    var options = try planning(previous)
    options.versions = versions
    let known = known(previous)
    var contents = try contents(over: lower, options)
    if let database = request.database { contents.append(try Self.content(of: database)) }
    for index in contents.indices {
      contents[index].history = request.history
      contents[index].digests = known[contents[index].recipe.fingerprint(encoding: request.encoding)]
    }
    return contents
  }

  private func previousDocument() throws -> PlanDocument? {
    guard let previous = request.previous else { return nil }
    return try PlanDocument(jsonFile: previous)
  }

  /// How to divide.
  private func planning(_ previous: PlanDocument?) throws -> PlanningOptions {
    var options = PlanningOptions()
    if let strategy = request.strategy { options.strategy = strategy }
    options.previous = previous?.plan
    options.history = previous?.history
    if let constraints = request.constraints { options.constraints = try PlanningConstraints(jsonFile: constraints) }
    return options
  }

  private func versions() async throws -> [ImageVersion] {
    guard !request.versions.isEmpty else { return [] }
    return try await ImageHistory(files: request.versions).versions(of: request.image)
  }

  /// What is known of layers from the image before.
  private func known(_ previous: PlanDocument?) -> [String: LayerDigests] {
    var known: [String: LayerDigests] = [:]
    for layer in previous?.image?.layers ?? [] where layer.content.blobType == nil {
      known[layer.content.recipe.fingerprint(encoding: layer.encoding)] = layer.digests
    }
    return known
  }

  private func contents(over lower: NixLowerLayers, _ options: PlanningOptions) throws -> [LayerContent] {
    let graph = attributes.graph
    let paths = Set(graph?.nodes.map(\.path) ?? []).union(request.roots)
    if let stray = request.permissions.stray(among: paths) {
      throw AssemblyError(
        .invalidSettings,
        "perms are given for '\(stray)', which is not in the layers that are built here; correct the path, or give them where it is brought in"
      )
    }
    let atRootAlone =
      graph.map {
        NixGroup(dependencies: request.dependencies, roots: request.roots, ignored: request.ignored).atRootAlone(in: $0)
      } ?? []
    var own: [StoreGraph.Node] = []
    for node in graph?.nodes ?? [] where !request.ignored.contains(node.path) && !atRootAlone.contains(node.path) {
      if try !lower.holds(source(of: node.path, isAtRoot: false)) { own.append(node) }
    }
    let roots = try request.roots.map { try source(of: $0, isAtRoot: true) }.filter { !lower.holds($0) }
    let metadata = MetadataPolicy()
    let room = try room(over: lower)
    // One layer for everything: the root shares it.
    let isShared = room == 1
    var layers: [LayerContent] = []
    if !own.isEmpty {
      let plan = try options.request(for: StoreGraph(own), maximumLayers: isShared || roots.isEmpty ? room : room - 1)
        .plan(with: options.strategy)
      for layer in plan.layers {
        let sources = try layer.members.map { try source(of: $0, isAtRoot: false) }
        layers.append(LayerContent(LayerRecipe(sources, metadata: metadata), storePaths: layer.paths, planned: layer))
      }
    }
    if isShared, !layers.isEmpty {
      layers[0].recipe.sources += roots
    } else if !roots.isEmpty {
      layers.append(LayerContent(LayerRecipe(roots, metadata: metadata)))
    }
    return layers
  }

  private func source(of path: String, isAtRoot: Bool) throws -> LayerRecipe.Source {
    var permissions = request.permissions[path]
    // A part of a store path follows the rules for the whole.
    if let whole = StorePath(in: FilePath(path))?.path.string, whole != path {
      permissions = request.permissions[whole] + permissions
    }
    let source = try NixPath(path: path, isAtRoot: isAtRoot, permissions: permissions).source()
    guard !request.exclusions.isEmpty else { return source }
    return LayerRecipe([source]).excluding(request.exclusions).sources[0]
  }

  /// How many layers store paths and root may have. Without a number a group leaves as many as it takes to those above it, and
  /// the last takes what is left.
  private func room(over lower: NixLowerLayers) throws -> Int {
    if let maximum = request.maximumLayers { return maximum }
    let left = ClosureImage.defaultMaximumLayers - lower.count - (request.database == nil ? 0 : 1)
    return max(1, request.isTop ? left : min(Self.defaultMaximumLayers, left / 2))
  }

  private static func content(of database: (path: FilePath, uid: Int64, gid: Int64)) throws -> LayerContent {
    var source = LayerRecipe.Source(database.path, at: "/")
    var change = MetadataChange.owner(database.uid, database.gid)
    change.fileMode = 0o755
    change.directoryMode = 0o755
    source.rules = [PathRule([try PathPattern("/")], .change(change), base: "/")]
    return LayerContent(LayerRecipe([source], metadata: MetadataPolicy()))
  }

  // MARK: Blobs

  /// Writes a layer's bytes beside the document, from where they will be taken from now on.
  private func keep(_ layer: inout AssembledImage.Layer) async throws {
    let file = try await write(layer)
    var content = LayerContent(blob: file, type: layer.descriptor.mediaType, annotations: layer.content.annotations)
    // Those that are as they are in the store: layers above need not have them again.
    content.storePaths = layer.content.recipe.sources.filter { $0 == .init($0.host) }.map(\.host.string)
      .sorted(by: byteOrder)
    content.planned = layer.content.planned
    content.history = layer.content.history
    layer.content = content
  }

  /// Writes a layer's bytes, and compares them with the digest.
  func write(_ layer: AssembledImage.Layer) async throws -> FilePath {
    let suffix =
      layer.encoding == .none ? "tar" : layer.descriptor.mediaType.description.hasSuffix("zstd") ? "tar.zst" : "tar.gz"
    let file = attributes.output.appending("\(layer.descriptor.digest.hex).\(suffix)")
    let bytes = try await layer.content.recipe.source(encoding: layer.encoding, parallelism: .automatic).open()
      .verified(as: layer.descriptor)
    let output = try await IOExecutor.run { try OpenFile.creating(file) }
    for try await chunk in bytes { try await IOExecutor.run { try output.write(chunk.span) } }
    return file
  }
}

extension AssembledImage.Layer {
  /// What its bytes are called.
  var digests: LayerDigests {
    LayerDigests(
      diffID: diffID, digest: descriptor.digest, size: descriptor.size, uncompressedSize: uncompressedSize)
  }
}
