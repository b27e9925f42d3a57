internal import LayerGraph
internal import OCICore
internal import SystemPackage

extension NixAttributes {
  /// Writes the database of Nix for those paths of the graph that are at their own places: the output of the derivation.
  /// - Throws: `AssemblyError`: `invalidSettings` where one of them refers to a path that is left out; `invalidClosure`;
  ///   `OCIError.Code.ioFailure`.
  public func writeDatabase() async throws {
    let groups = try read { fields in try Self.groups(&fields) }
    let graph = try graph ?? StoreGraph([])
    let present = Set(groups.flatMap { $0.paths(in: graph) })
    let selfReferring = Set(graph.selfReferences)
    let registered = try StoreGraph(
      graph.nodes.filter { present.contains($0.path) }.map { node in
        var node = node
        if selfReferring.contains(node.path) { node.references.append(node.path) }
        return node
      })
    if let missing = registered.outsideReferences.first {
      throw AssemblyError(
        .invalidSettings,
        "'\(missing.from)' refers to '\(missing.to)', which is ignored, so Nix in the image would not take it for valid; do not ignore it, or leave out the database"
      )
    }
    let database = try NixDatabase(graph: registered, hashes: hashes)
    let output = output
    try await IOExecutor.run {
      _ = try FileSystem.createDirectories(output)
      try database.write(to: output)
    }
  }

  private static func groups(_ fields: inout FieldReader) throws(OCIError) -> [NixGroup] {
    var groups: [NixGroup] = []
    for (index, item) in (try fields.list("groups") ?? []).enumerated() {
      var group = try FieldReader(item, path: "flywheel.groups[\(index)]")
      groups.append(
        NixGroup(
          dependencies: try group.strings("deps") ?? [], roots: try group.strings("copyToRoot") ?? [],
          ignored: Set(try group.strings("ignore") ?? [])))
    }
    return groups
  }
}
