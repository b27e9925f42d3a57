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
    try settings.validate()
    for warning in settings.warnings { onProgress(.warning(warning)) }
    try requireCompleteClosure()
    try await requirePresentPaths()
    try await requireRootsInClosure()
    let layers = try await self.layers()
    let digests = try await digests(of: layers, onProgress)
    return AssembledImage(
      contents: zip(layers, digests).map { ($0, $1) }, encoding: encoding, settings: settings,
      platform: try await platform(), cache: cache)
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

  private func requirePresentPaths() async throws {
    let paths = graph.nodes.map { FilePath($0.path) } + copyToRoot
    let missing: [FilePath]
    do {
      missing = try await IOExecutor.run { try paths.filter { try !FileSystem.existsWithoutFollowing($0) } }
    } catch let error as OCIError {
      throw AssemblyError(.storePathMissing, error.message)
    }
    guard let first = missing.first else { return }
    throw AssemblyError(
      .storePathMissing,
      "'\(first)' is not on this machine\(missing.count > 1 ? " (nor are \(missing.count - 1) more)" : ""); build or fetch it first"
    )
  }

  /// A store path refers to others; only a closure that has it says to which.
  private func requireRootsInClosure() async throws {
    guard !allowsOutsideReferences else { return }
    let (roots, paths) = (copyToRoot, graph.nodes.map { FilePath($0.path) })
    let stray = try await IOExecutor.run {
      roots.map { FileSystem.resolvingSymlinks($0) }.first { root in
        root.starts(with: "/nix/store") && !paths.contains { root.starts(with: $0) }
      }
    }
    guard let stray else { return }
    throw AssemblyError(
      .incompleteClosure,
      "'\(stray)' is put at the root but is not in the closure, so what it refers to may be missing; give a closure that has it, or allow outside references"
    )
  }

  private func platform() async throws -> Platform {
    if let platform = settings.platform { return platform }
    let entrypoint = (settings.runtime.entrypoint ?? settings.runtime.command)?.first
    let (roots, trees) = (copyToRoot, graph.nodes.map { FilePath($0.path) })
    let detected = try await IOExecutor.run {
      BinaryPlatform.detect(entrypoint: entrypoint, roots: roots, trees: trees)
    }
    // Not the machine's own: the image must be the same wherever it is assembled.
    return detected ?? Platform(architecture: "amd64")
  }

  /// Four layers at once: hashing a layer is one stream, and several are hashed faster together.
  private func digests(
    of layers: [LayerContent], _ onProgress: @escaping @Sendable (AssemblyProgress) -> Void
  ) async throws -> [LayerDigests] {
    let width = min(4, max(1, layers.count))
    let parallelism = LayerParallelism.sharing(width)
    return try await layers.enumerated().concurrentMap(width: width) { index, layer in
      onProgress(.digesting(layer: index + 1, of: layers.count, paths: layer.storePaths.count))
      return try await layer.recipe.digests(encoding: encoding, parallelism: parallelism, cache: cache) { bytes in
        onProgress(.hashed(layer: index + 1, of: layers.count, bytes: bytes))
      }
    }
  }
}
