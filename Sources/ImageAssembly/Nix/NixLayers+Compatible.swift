internal import LayerGraph
internal import OCICore
internal import SystemPackage
internal import Tarball

/// Layers by nix2container's rules, in its form: equal inputs give its digests, and its own programs read what is written.
///
/// Its rules: the most popular paths alone and the rest together; what is at the root is nowhere else; paths that layers below have
/// with the same options are left out after they were counted; nothing is compressed.
extension NixLayers {
  func compatibleDocument(_ onProgress: @escaping @Sendable (AssemblyProgress) -> Void) async throws -> JSON {
    var paths = try compatiblePaths()
    let below = Set(try request.below.flatMap { try Self.paths(inDocumentOf: $0) })
    paths.removeAll { below.contains($0.json.canonicalBytes) }
    let groups = Self.groups(paths, request.maximumLayers ?? 1)
    let contents = try groups.map { group in
      var recipe = LayerRecipe(try group.map { try $0.source() }, metadata: .nix2container)
      // Where two paths bring one file, theirs is the last, and content is not compared.
      recipe.conflicts = .lastWins
      return LayerContent(recipe, encoding: LayerEncoding.none)
    }
    let layers = try await contents.enumerated().concurrentMap(width: 4) { index, content in
      onProgress(.digesting(layer: index + 1, of: contents.count, paths: groups[index].count))
      let digests = try await content.recipe.digests(encoding: .none, parallelism: .sharing(4))
      return AssembledImage.Layer(content, digests, encoding: .none)
    }
    var list: [JSON] = []
    for (layer, group) in zip(layers, groups) {
      var file: FilePath?
      if request.keepsBlobs { file = try await write(layer) }
      list.append(json(layer, group, file))
    }
    return .array(list)
  }

  /// All paths of the closure in the order of popularity. What is ignored is not counted.
  private func compatiblePaths() throws -> [NixPath] {
    let nodes = attributes.graph?.nodes.filter { !request.ignored.contains($0.path) } ?? []
    guard !nodes.isEmpty else { return [] }
    let graph = try StoreGraph(nodes)
    let plan = Nix2ContainerPopularity().plan(try PlanningRequest(graph, maximumLayers: graph.nodes.count))
    let roots = Set(request.roots)
    return plan.layers.flatMap(\.paths).map { path in
      NixPath(path: path, isAtRoot: roots.contains(path), permissions: request.permissions[path])
    }
  }

  private static func groups(_ paths: [NixPath], _ maximum: Int) -> [[NixPath]] {
    let alone = min(maximum - 1, paths.count)
    let rest = Array(paths.dropFirst(alone))
    return paths.prefix(alone).map { [$0] } + (rest.isEmpty ? [] : [rest])
  }

  private func json(_ layer: AssembledImage.Layer, _ paths: [NixPath], _ file: FilePath?) -> JSON {
    var object: JSON.Object = [
      "digest": .string(layer.descriptor.digest.description), "size": .integer(layer.descriptor.size),
      "diff_ids": .string(layer.diffID.description), "paths": .array(paths.map(\.json)),
      "mediatype": .string(MediaType.layerTar.description),
    ]
    if let file { object["layer-path"] = .string(file.string) }
    object["History"] = (request.history ?? .init(createdBy: "nix2container")).json
    return .object(object)
  }

  /// Paths with their options, as the document of a group below has them.
  private static func paths(inDocumentOf directory: FilePath) throws -> [[UInt8]] {
    try NixCompatibleImage.layers(in: directory).flatMap { layer in
      (layer.objectValue?["paths"]?.arrayValue ?? []).map(\.canonicalBytes)
    }
  }
}
