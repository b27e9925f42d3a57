internal import OCICore
internal import SystemPackage
internal import Tarball

/// Store paths that something at the root would hide: its layer lies over the others, so nothing there may be at a store path,
/// and nothing but a directory above one.
struct HiddenPaths {
  private let paths: [String]

  init(_ paths: [String]) { self.paths = paths }

  /// - Throws: `TarballError.Code.conflict`, naming what would be hidden by what.
  func refuse(below roots: [FilePath], _ files: SourceFiles) async throws {
    var parents: Set<FilePath> = []
    for path in paths {
      var parent = FilePath(path).removingLastComponent()
      while !parent.components.isEmpty, parents.insert(parent).inserted { parent = parent.removingLastComponent() }
    }
    for root in roots {
      for path in paths {
        let other = root.appending(FilePath(path).components)
        guard try await files.exists(other) else { continue }
        throw TarballError(
          .conflict,
          "'\(other)' would be at '\(path)', where the closure's own is; take it out of what is copied to the root")
      }
      for parent in parents.sorted(by: { byteOrder($0.string, $1.string) }) {
        let other = root.appending(parent.components)
        guard try await files.exists(other), try await !files.isRealDirectory(other) else { continue }
        throw TarballError(
          .conflict,
          "'\(other)' would be at '\(parent)' and hide the store paths below it; take it out of what is copied to the root"
        )
      }
    }
  }
}
