internal import LayerGraph
internal import OCICore
internal import SystemPackage
internal import Tarball

extension ClosureImage {
  /// Computes every digest and writes manifest and configuration; afterwards the image can be pushed without being
  /// computed again.
  /// - Parameter onProgress: Told what goes on.
  /// - Throws: `AssemblyError`, `TarballError`, `LayerGraphError`.
  public func assemble(onProgress: @escaping @Sendable (AssemblyProgress) -> Void = { _ in }) async throws
    -> AssembledImage
  {
    try await recipe().assemble(onProgress: onProgress)
  }

  /// The image as layers of known content, with the closure checked. Reads no content.
  /// - Throws: As `assemble`.
  public func recipe() async throws -> ImageRecipe {
    try requireCompleteClosure()
    let files = SourceFiles(substitute)
    try await requirePresentPaths(files)
    try await requireRootsInClosure(files)
    var recipe = ImageRecipe(
      layers: try await layers(files), base: base, settings: settings, encoding: encoding, cache: cache)
    recipe.verifiesCache = verifiesCache
    recipe.substitute = substitute
    return recipe
  }

  private func requireCompleteClosure() throws(AssemblyError) {
    if let cycle = graph.cycle {
      let shown = cycle.prefix(10) + (cycle.count > 10 ? ["... (\(cycle.count) paths)"] : []) + [cycle[0]]
      throw AssemblyError(
        .cyclicClosure, "the closure has a cycle, which no store allows: \(shown.joined(separator: " -> "))")
    }
    guard let first = graph.outsideReferences.first, !allowsOutsideReferences else { return }
    let others = graph.outsideReferences.count - 1
    throw AssemblyError(
      .incompleteClosure,
      "the closure lacks '\(first.to)', to which '\(first.from)' refers\(others > 0 ? " (and \(others) more)" : ""); give the whole closure, or allow outside references if the image's base has it"
    )
  }

  private func requirePresentPaths(_ files: SourceFiles) async throws {
    let paths = graph.nodes.map { FilePath($0.path) } + copyToRoot
    var missing: [FilePath]
    do {
      missing = try await IOExecutor.run { try paths.filter { try !FileSystem.existsWithoutFollowing($0) } }
    } catch let error as OCIError {
      throw AssemblyError(.storePathMissing, error.message)
    }
    if let substitute {
      let isKnown = try await missing.concurrentMap(width: 16) { try await substitute.archive(of: $0) != nil }
      missing = zip(missing, isKnown).filter { !$0.1 }.map(\.0)
    }
    guard let first = missing.first else { return }
    throw AssemblyError(
      .storePathMissing,
      "'\(first)' is not on this machine\(missing.count > 1 ? " (nor are \(missing.count - 1) more)" : ""); \(substitute == nil ? "build or fetch it first" : "no binary cache that was given has it: name the one that does, or build it")"
    )
  }

  /// A store path refers to others; only a closure that has it says to which.
  private func requireRootsInClosure(_ files: SourceFiles) async throws {
    guard !allowsOutsideReferences else { return }
    let (roots, paths) = (copyToRoot, graph.nodes.map { FilePath($0.path) })
    let resolved = try await IOExecutor.run {
      var resolved: [FilePath] = []
      for root in roots { resolved.append(try await files.resolved(root)) }
      return resolved
    }
    let stray = resolved.first { root in
      root.starts(with: "/nix/store") && !paths.contains { root.starts(with: $0) }
    }
    guard let stray else { return }
    throw AssemblyError(
      .incompleteClosure,
      "'\(stray)' is put at the root but is not in the closure, so what it refers to may be missing; give a closure that has it, or allow outside references"
    )
  }
}
