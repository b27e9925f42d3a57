internal import OCICore
internal import SystemPackage

/// The destinations of a recipe as a tree: what is put where, before the host is looked at.
struct LayerTree {
  /// A directory or entry of the image that the recipe names, or that is above one.
  struct Node {
    var children: [[UInt8]: Node] = [:]
    /// What the recipe puts exactly here from the host.
    var sources: [LayerRecipe.Source] = []
    /// The places of these in the recipe.
    var orders: [Int] = []
    /// What it puts here by description.
    var entries: [LayerEntry] = []
    /// What it deletes here.
    var whiteouts: [LayerEntry] = []

    /// Whether the recipe puts one thing of the host here, and nothing into it.
    var isSegment: Bool { sources.count == 1 && entries.isEmpty && whiteouts.isEmpty && children.isEmpty }

    mutating func update(at components: ArraySlice<[UInt8]>, _ change: (inout Node) -> Void) {
      guard let first = components.first else { return change(&self) }
      children[first, default: Node()].update(at: components.dropFirst(), change)
    }
  }

  private(set) var root = Node()
  /// The archive's names of files that entries are hard links to.
  private(set) var linkTargets: Set<[UInt8]> = []

  /// - Throws: `TarballError.Code.invalidRecipe` for a destination that is not absolute or has `..` in it,
  ///   `reservedName` for one that a whiteout could have.
  init(_ recipe: LayerRecipe) throws(TarballError) {
    for (order, source) in recipe.sources.enumerated() {
      root.update(at: try Self.components(of: source.destination)[...]) { node in
        if let earlier = node.sources.firstIndex(of: source) {
          // Where the last counts, it is as if it had not been named before.
          if recipe.conflicts == .lastWins { node.orders[earlier] = order }
          return
        }
        node.sources.append(source)
        node.orders.append(order)
      }
    }
    for entry in recipe.entries {
      let components = try Self.components(of: entry.path)
      guard !components.isEmpty || entry.kind == .directory || entry.kind == .opaqueDirectory else {
        throw TarballError(.invalidRecipe, "an entry at '/' can only be a directory")
      }
      switch entry.kind {
      case .whiteout: root.update(at: components.dropLast()) { $0.insert(whiteout: entry) }
      case .opaqueDirectory: root.update(at: components[...]) { $0.insert(whiteout: entry) }
      default: root.update(at: components[...]) { if !$0.entries.contains(entry) { $0.entries.append(entry) } }
      }
      if case .hardLink(let target) = entry.kind { linkTargets.insert(try Self.name(of: target)) }
    }
  }

  /// The relative name of an absolute path of the image.
  static func name(of path: FilePath) throws(TarballError) -> [UInt8] {
    Array(try components(of: path).joined(separator: [UInt8(ascii: "/")]))
  }

  static func components(of path: FilePath) throws(TarballError) -> [[UInt8]] {
    guard path.isAbsolute else {
      throw TarballError(.invalidRecipe, "destination '\(path)' must begin with '/'")
    }
    var components: [[UInt8]] = []
    for component in path.components {
      switch component.kind {
      case .regular: components.append(Array(HostFileSystem.path(FilePath(root: nil, [component])).dropLast()))
      case .currentDirectory: continue
      case .parentDirectory:
        throw TarballError(.invalidRecipe, "destination '\(path)' may not contain '..'")
      }
      if let last = components.last, last.starts(with: Whiteout.prefix) { throw Whiteout.reserved(last) }
    }
    return components
  }
}

extension LayerTree.Node {
  fileprivate mutating func insert(whiteout entry: LayerEntry) {
    if !whiteouts.contains(entry) { whiteouts.append(entry) }
  }
}
