internal import OCICore
internal import SystemPackage

/// The trees of sources that are archives, or store paths that this machine lacks: each read when the walk comes to it, so
/// that few are held at a time. Used on one thread.
final class SourceTrees {
  private let sources: [LayerRecipe.Source]
  private let substitute: (any TreeSubstitute)?
  private let cancellation: ReadingCancellation
  private let isCancelled: () -> Bool
  /// Whether equal files become links, for which the content of all must be known.
  private let linksFiles: Bool
  private let room = HoldingRoom()
  private var open: [Int: ArchiveTree?] = [:]

  init(
    _ recipe: LayerRecipe, substitute: (any TreeSubstitute)?, cancellation: ReadingCancellation,
    isCancelled: @escaping () -> Bool
  ) {
    sources = recipe.sources
    linksFiles = recipe.metadata.hardLinks == .byContent
    self.substitute = substitute
    self.cancellation = cancellation
    self.isCancelled = isCancelled
  }

  /// The tree of a source, by its place in the recipe; `nil` for one that is on this machine as it is, or nowhere.
  /// - Parameter compares: Whether something else may be at the same paths.
  func tree(_ order: Int, compares: Bool) throws -> ArchiveTree? {
    if let known = open[order] { return known }
    let tree = try read(sources[order], digestsContent: compares || linksFiles)
    open[order] = .some(tree)
    return tree
  }

  private func read(_ source: LayerRecipe.Source, digestsContent: Bool) throws -> ArchiveTree? {
    if case .archive(let options) = source.form {
      return try ArchiveTree(source.host, options, digestsContent: digestsContent, isCancelled: isCancelled)
    }
    guard let substitute, source.host.isAbsolute else { return nil }
    do { if try FileSystem.existsWithoutFollowing(source.host) { return nil } } catch {
      throw TarballError(.unreadable, error.message)
    }
    guard let archive = try cancellation.wait({ try await substitute.archive(of: source.host) }) else { return nil }
    return try ArchiveTree(
      StoreArchiveFile(archive, room: room, cancellation: cancellation, isCancelled: isCancelled),
      digestsContent: digestsContent)
  }

  /// Ends the reading of a source that is complete.
  func close(_ order: Int) throws {
    guard let tree = open.removeValue(forKey: order) else { return }
    try tree?.contents.finish()
  }

  /// Ends the reading of all that are left.
  func closeAll() throws { for order in open.keys.sorted() { try close(order) } }
}
