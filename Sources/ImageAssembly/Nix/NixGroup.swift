internal import LayerGraph
internal import OCICore
internal import SystemPackage

/// The store paths that one group of layers brings.
struct NixGroup {
  /// Those whose closures are at their own places, and those whose content is at the root.
  var dependencies: [String]
  var roots: [String]
  /// Those that are in the closure and not in the image.
  var ignored: Set<String>

  /// What is at the root and not at its own place: nobody refers to it there.
  func atRootAlone(in graph: StoreGraph) -> Set<String> {
    var alone = Set(roots.map(Self.storePath)).subtracting(dependencies).subtracting(graph.selfReferences)
    let present = Set(graph.closure(of: (dependencies + roots).map(Self.storePath)))
    for node in graph.nodes where present.contains(node.path) && !ignored.contains(node.path) {
      alone.subtract(node.references)
    }
    return alone
  }

  /// What is at its own place.
  func paths(in graph: StoreGraph) -> Set<String> {
    Set(graph.closure(of: (dependencies + roots).map(Self.storePath))).subtracting(ignored)
      .subtracting(atRootAlone(in: graph))
  }

  private static func storePath(_ path: String) -> String { StorePath(in: FilePath(path))?.path.string ?? path }
}
