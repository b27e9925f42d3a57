internal import OCICore
internal import SystemPackage

/// The destinations of a recipe as a tree: what is put where, before the host is looked at.
struct LayerTree {
  /// A directory or entry of the image that the recipe names, or that is above one.
  struct Node {
    var children: [[UInt8]: Node] = [:]
    /// What the recipe puts exactly here.
    var sources: [HostFileSystem.Path] = []

    mutating func insert(_ source: HostFileSystem.Path, at components: ArraySlice<[UInt8]>) {
      guard let first = components.first else {
        if !sources.contains(source) { sources.append(source) }
        return
      }
      children[first, default: Node()].insert(source, at: components.dropFirst())
    }
  }

  private(set) var root = Node()

  /// - Throws: `TarballError.Code.invalidRecipe` for a destination that is not absolute or has `..` in it.
  init(_ recipe: LayerRecipe) throws(TarballError) {
    for source in recipe.sources {
      guard source.destination.isAbsolute else {
        throw TarballError(.invalidRecipe, "destination '\(source.destination)' must begin with '/'")
      }
      var components: [[UInt8]] = []
      for component in source.destination.components {
        switch component.kind {
        case .regular: components.append(Array(HostFileSystem.path(FilePath(root: nil, [component])).dropLast()))
        case .currentDirectory: continue
        case .parentDirectory:
          throw TarballError(.invalidRecipe, "destination '\(source.destination)' may not contain '..'")
        }
      }
      root.insert(HostFileSystem.path(source.host), at: components[...])
    }
  }
}
