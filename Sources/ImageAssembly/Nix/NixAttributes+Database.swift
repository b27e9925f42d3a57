internal import LayerGraph
internal import OCICore
internal import SystemPackage

extension NixAttributes {
  /// Writes the database of Nix for those paths of the graph that are at their own places: the output of the derivation.
  /// - Throws: `AssemblyError`, `OCIError.Code.ioFailure`.
  public func writeDatabase() async throws {
    let (dependencies, roots, ignored) = try read { fields in
      (
        try fields.strings("deps") ?? [], try fields.strings("copyToRoot") ?? [],
        Set(try fields.strings("ignore") ?? []).subtracting(try fields.strings("deps") ?? [])
      )
    }
    let absent = atRootAlone(roots, dependencies: dependencies, ignored: ignored).union(ignored)
    let nodes = graph?.nodes.filter { !absent.contains($0.path) } ?? []
    let selfReferring = Set(graph?.selfReferences ?? [])
    let present = try StoreGraph(
      nodes.map { node in
        var node = node
        if selfReferring.contains(node.path) { node.references.append(node.path) }
        return node
      })
    let database = try NixDatabase(graph: present, hashes: hashes)
    let output = output
    try await IOExecutor.run {
      _ = try FileSystem.createDirectories(output)
      try database.write(to: output)
    }
  }
}
