internal import OCICore
internal import Synchronization
internal import SystemPackage
internal import Tarball

/// Looks at what sources hold: on this machine, and for store paths that it lacks, in their archives. Calls that find their
/// answer on this machine block.
final class SourceFiles: Sendable {
  private static let mostLinks = 40
  /// How many files of archives are remembered.
  private static let room = 500_000

  private struct State {
    var listings: [String: StoreListing] = [:]
    var order: [String] = []
    var count = 0
  }

  private let substitute: (any TreeSubstitute)?
  private let state = Mutex(State())

  init(_ substitute: (any TreeSubstitute)?) { self.substitute = substitute }

  // MARK: Questions

  /// The path with every symbolic link followed; unchanged where it leads nowhere.
  func resolved(_ path: FilePath) async throws -> FilePath {
    guard substitute != nil, !FileSystem.exists(path) else { return FileSystem.resolvingSymlinks(path) }
    let absolute = path.isAbsolute ? path : FileSystem.workingDirectory.appending(path.components)
    return try await follow(absolute) ?? path
  }

  /// Whether anything is at the path, be it a symbolic link that leads nowhere.
  func exists(_ path: FilePath) async throws -> Bool {
    if try FileSystem.existsWithoutFollowing(path) { return true }
    return try await item(at: path) != nil
  }

  /// Whether a directory, not a symbolic link to one, is at the path.
  func isRealDirectory(_ path: FilePath) async throws -> Bool {
    if FileSystem.isRealDirectory(path) { return true }
    if case .directory = try await item(at: path) { return true }
    return false
  }

  /// The names in a directory, in no order; none where there is no directory.
  func names(in path: FilePath) async throws -> [String] {
    guard substitute != nil, !FileSystem.exists(path) else { return (try? FileSystem.names(in: path)) ?? [] }
    guard let place = try await follow(path) else { return [] }
    if case .directory(let names) = try await look(place) { return names }
    return (try? FileSystem.names(in: place)) ?? []
  }

  /// The first bytes of a program at a path without symbolic links; `nil` for anything else.
  func beginning(of path: FilePath, count: Int) async throws -> [UInt8]? {
    if let size = try? FileSystem.fileSize(path) {
      guard size >= count, let file = try? OpenFile.reading(path) else { return nil }
      return try? file.read(upTo: count)
    }
    guard case .file(let bytes) = try await item(at: path) else { return nil }
    return bytes
  }

  /// How many bytes of programs are asked for.
  static let beginningLength = 20

  // MARK: Archives

  /// What is at a path in an archive; links above it are followed.
  private func item(at path: FilePath) async throws -> StoreListing.Item? {
    guard substitute != nil, let name = path.lastComponent,
      let parent = try await follow(path.removingLastComponent())
    else { return nil }
    return try await look(parent.appending(name))
  }

  /// Goes down a path, following links; `nil` where it leads nowhere.
  private func follow(_ path: FilePath) async throws -> FilePath? {
    guard path.isAbsolute else { return nil }
    var rest = Array(path.components.reversed())
    var here: FilePath = "/"
    var links = 0
    while let component = rest.popLast() {
      if component.kind == .currentDirectory { continue }
      if component.kind == .parentDirectory {
        here.removeLastComponent()
        continue
      }
      let next = here.appending(component)
      var target = FileSystem.linkTarget(of: next)
      if target == nil, try !FileSystem.existsWithoutFollowing(next) {
        let item = try await look(next)
        // Above the store there may be nothing.
        if item == nil, rest.isEmpty || StorePath(in: next) != nil { return nil }
        if case .symlink(let link) = item { target = link }
      }
      guard let target else {
        here = next
        continue
      }
      links += 1
      guard links <= Self.mostLinks else { return nil }
      if target.isAbsolute { here = "/" }
      rest += target.components.reversed()
    }
    return here
  }

  /// What is at a path that no link leads to, in the archive that has it.
  private func look(_ path: FilePath) async throws -> StoreListing.Item? {
    guard let name = StorePath(in: path) else { return nil }
    let key = name.path.string
    if let known = state.withLock({ $0.listings[key] }) { return known.item(at: path) }
    guard try !FileSystem.existsWithoutFollowing(name.path), let archive = try await substitute?.archive(of: path)
    else { return nil }
    let listing = try await StoreListing(archive, beginningLength: Self.beginningLength)
    state.withLock { state in
      guard state.listings.updateValue(listing, forKey: key) == nil else { return }
      state.order.append(key)
      state.count += listing.count
      while state.count > Self.room, state.order.count > 1 {
        state.count -= state.listings.removeValue(forKey: state.order.removeFirst())?.count ?? 0
      }
    }
    return listing.item(at: path)
  }
}
