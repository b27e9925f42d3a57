internal import LayerGraph
internal import OCICore
internal import SystemPackage
internal import Tarball

extension ClosureImage {
  /// What each layer is made of, from the bottom up. Looks at the file system, but reads no content.
  /// - Throws: `AssemblyError`, `TarballError.Code.conflict`, `LayerGraphError`.
  public func layers() async throws -> [LayerContent] { try await layers(SourceFiles(substitute)) }

  func layers(_ files: SourceFiles) async throws -> [LayerContent] {
    try await IOExecutor.run { try await planLayers(files) }
  }

  private func planLayers(_ files: SourceFiles) async throws -> [LayerContent] {
    var roots: [FilePath] = []
    for root in copyToRoot { roots.append(try await files.resolved(root)) }
    let rootSources = roots.map { LayerRecipe.Source($0, at: "/") }
    // A budget of one leaves no layer for the root alone: everything shares it, and nothing can be hidden.
    let isShared = maximumLayers == 1
    let hasTop = !roots.isEmpty || planning.deadShare > 0
    let others = otherLayers.count + (base?.layers.descriptors.count ?? 0)
    let room = maximumLayers - others
    guard room >= (hasTop && !isShared ? 2 : 1) else {
      throw AssemblyError(
        .invalidSettings,
        "\(others) layers of the base and of other sources leave no room for store paths below the limit of \(maximumLayers); raise it"
      )
    }
    var options = planning
    if isShared { options.deadShare = 0 }
    options.previous = try await reproducible(planning.previous)
    let plan = try options.request(for: graph, maximumLayers: hasTop && !isShared ? room - 1 : room)
      .plan(with: options.strategy)
    try await HiddenPaths(graph.nodes.map(\.path)).refuse(below: roots, files)
    var layers = plan.layers.map { layer in
      LayerContent(
        LayerRecipe(layer.members.map { .init(FilePath($0)) }, metadata: metadata), storePaths: layer.paths,
        planned: layer)
    }
    let whiteouts = plan.whiteouts.map { LayerEntry(FilePath($0), .whiteout) }
    if isShared, !layers.isEmpty {
      layers[0].recipe.sources += rootSources
    } else if !roots.isEmpty || !whiteouts.isEmpty {
      layers.append(
        LayerContent(LayerRecipe(rootSources, entries: whiteouts, metadata: metadata)))
    }
    layers.insert(contentsOf: otherLayers, at: plan.layers.count)
    return layers
  }

  /// A previous plan without the layers that could not be produced again, because a path that they would keep although it departed is
  /// no longer on this machine.
  private func reproducible(_ previous: LayerPlan?) async throws -> LayerPlan? {
    guard var plan = previous else { return nil }
    let present = Set(graph.nodes.map(\.path))
    var gone: Set<String> = []
    for path in Set(plan.layers.flatMap(\.members)).subtracting(present).map({ FilePath($0) }) {
      if try FileSystem.existsWithoutFollowing(path) { continue }
      if try await substitute?.archive(of: path) == nil { gone.insert(path.string) }
    }
    plan.layers.removeAll { !gone.isDisjoint(with: $0.members) }
    return plan
  }
}
