internal import HostSystem
internal import OCICore
internal import Synchronization
internal import SystemPackage

/// Something on the host: its path, and where it is known, the open directory that it is in, which makes it cheaper to
/// reach.
struct HostFile: Sendable {
  /// Bytes that end in NUL.
  var path: HostFileSystem.Path
  /// Where the last component begins.
  private(set) var nameStart = 0
  private(set) var directory: HostDirectory?

  init(_ path: FilePath) { self.path = HostFileSystem.path(path) }

  init(_ path: HostFileSystem.Path, nameStart: Int, in directory: HostDirectory?) {
    self.path = path
    self.nameStart = nameStart
    self.directory = directory
  }

  init(in directory: HostDirectory, name: ArraySlice<UInt8>) {
    var path: HostFileSystem.Path = []
    let parent = directory.path
    path.reserveCapacity(parent.count + name.count + 1)
    path.append(contentsOf: parent[..<(parent.count - 1)])
    if path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
    nameStart = path.count
    path.append(contentsOf: name)
    path.append(0)
    self.path = path
    self.directory = directory
  }

  /// The path for people.
  var text: String { HostFileSystem.text(path) }
}

/// A directory of the host that is open for as long as somebody refers to it, so that what is in it can be reached by name
/// alone. Few of them are open at a time: where too many were, it is closed at once, and paths are used in its place.
final class HostDirectory: Sendable {
  let path: HostFileSystem.Path
  private let descriptor: Atomic<Int32>

  private static let openCount = Atomic(0)
  /// A part of what the process may have open.
  private static let limit = Host.openFileLimit.map { min(1024, $0 / 4) } ?? 64

  /// Opens a directory, never through a link that was put in its place.
  init(_ file: HostFile) throws(TarballError) {
    path = file.path
    descriptor = Atomic(try HostFileSystem.openDirectory(file))
    Self.openCount.add(1, ordering: .relaxed)
  }

  deinit { closeDescriptor() }

  /// The open directory; `nil` when it was closed for want of room.
  var handle: Int32? {
    let handle = descriptor.load(ordering: .relaxed)
    return handle < 0 ? nil : handle
  }

  /// Closes it if too many are open. Only for whoever has opened it, before others know it.
  func closeIfCrowded() {
    if Self.openCount.load(ordering: .relaxed) > Self.limit { closeDescriptor() }
  }

  private func closeDescriptor() {
    let handle = descriptor.exchange(-1, ordering: .relaxed)
    guard handle >= 0 else { return }
    close(handle)
    Self.openCount.subtract(1, ordering: .relaxed)
  }
}
